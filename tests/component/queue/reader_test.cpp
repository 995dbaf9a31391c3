// What the console reads: pages in the order of launching over all priorities, positions, and the ended ones latest first.
#include "scheduler/queue/reader.hpp"

#include "tests/component/queue/store_fixture.hpp"

namespace oppen::queue {
namespace {

std::vector<std::string> all_queued(QueueReader& reader, int limit) {
  std::vector<std::string> names;
  std::string cursor;
  do {
    const auto page = reader.queued(cursor, limit).value();
    EXPECT_LE(page.jobs.size(), static_cast<std::size_t>(limit));
    for (const auto& record : page.jobs) names.push_back(record.spec.job_id);
    cursor = page.next;
  } while (!cursor.empty());
  return names;
}

TEST_F(StoreTest, PagesGoThroughAllPriorities) {
  queue_job("n1", Priority::normal, 1);
  queue_job("b1", Priority::background, 2);
  queue_job("n2", Priority::normal, 3);
  queue_job("u1", Priority::urgent, 4);
  queue_job("u2", Priority::urgent, 5);
  QueueReader reader(*redis, "oppen.");
  const std::vector<std::string> order{"u1", "u2", "n1", "n2", "b1"};
  for (const int limit : {1, 2, 3, 4, 5, 100}) EXPECT_EQ(all_queued(reader, limit), order) << limit;
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(reader.position(reader.job(order[i]).value()).value(),
              static_cast<std::int64_t>(i) + 1)
        << order[i];
  }
}

TEST_F(StoreTest, EndedJobsComeLatestFirst) {
  for (const auto& [name, hour] : {std::pair{"first", 1}, {"third", 3}, {"second", 2}}) {
    auto record = job(name, Priority::normal, hour);
    ASSERT_TRUE(store->commit(Changes().put(record)));
    record.state = JobState::succeeded;
    record.ended_at = Time{std::chrono::hours{hour}};
    ASSERT_TRUE(store->commit(Changes().put(record)));
  }
  QueueReader reader(*redis, "oppen.");
  const auto page = reader.ended("", 2).value();
  ASSERT_EQ(page.jobs.size(), 2U);
  EXPECT_EQ(page.jobs[0].spec.job_id, "third");
  EXPECT_EQ(page.jobs[1].spec.job_id, "second");
  EXPECT_EQ(reader.ended(page.next, 2).value().jobs.at(0).spec.job_id, "first");
}

TEST_F(StoreTest, SaysWhatThereIsNot) {
  QueueReader reader(*redis, "oppen.");
  EXPECT_EQ(reader.job("none").error().kind, ErrorKind::not_found);
  EXPECT_EQ(reader.batch("none").error().kind, ErrorKind::not_found);
  EXPECT_EQ(reader.policy().error().kind, ErrorKind::not_found);
  EXPECT_EQ(reader.queued("x", 10).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::queue
