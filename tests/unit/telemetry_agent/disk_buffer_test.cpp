// Proves that what is appended comes back, in order, over restarts and after torn writes and damage; that the buffer keeps its bound
// by dropping the oldest, and counts them.
#include "producers/telemetry/disk_buffer.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace oppen::telemetry {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Buffer = std::unique_ptr<DiskBuffer>;

class DiskBufferTest : public testing::Test {
 protected:
  ~DiskBufferTest() override { fs::remove_all(folder); }

  Buffer open(std::uint64_t max_bytes = 1'000'000) const {
    auto buffer = DiskBuffer::open(folder, max_bytes);
    EXPECT_TRUE(buffer) << buffer.error().message;
    return std::move(*buffer);
  }
  static std::vector<std::string> rest(DiskBuffer& buffer) {
    std::vector<std::string> found;
    for (auto entry = buffer.read(buffer.first()); entry; entry = buffer.read(entry->next))
      found.push_back(entry->bytes);
    return found;
  }
  // The file that was written last and has something in it.
  fs::path last_file() const {
    fs::path last;
    for (const auto& item : fs::directory_iterator(folder)) {
      if (item.path().extension() == ".records" && item.file_size() > 0 && item.path() > last)
        last = item.path();
    }
    return last;
  }
  const std::string folder = testing::TempDir() + "buffer-" + std::to_string(getpid()) + "-" +
                             testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(DiskBufferTest, GivesBackInOrder) {
  const auto buffer = open();
  ASSERT_TRUE(buffer->append({"one", "two"}));
  ASSERT_TRUE(buffer->append({"three"}));
  EXPECT_THAT(rest(*buffer), ElementsAre("one", "two", "three"));
  EXPECT_EQ(buffer->waiting(), 3u);
  buffer->acknowledge(buffer->read(buffer->first())->next);
  EXPECT_THAT(rest(*buffer), ElementsAre("two", "three"));
  EXPECT_EQ(buffer->waiting(), 2u);
  EXPECT_EQ(buffer->dropped(), 0u);
}

TEST_F(DiskBufferTest, OutlivesItsProcess) {
  {
    const auto buffer = open();
    ASSERT_TRUE(buffer->append({"one", "two", "three"}));
    buffer->acknowledge(buffer->read(buffer->first())->next);
  }
  const auto again = open();
  ASSERT_TRUE(again->append({"four"}));
  EXPECT_THAT(rest(*again), ElementsAre("two", "three", "four"));
  EXPECT_EQ(again->waiting(), 3u);
}

TEST_F(DiskBufferTest, OutlivesKill9) {
  const auto child = fork();
  if (child == 0) {
    const auto buffer = open();
    for (int i = 0; i < 1000; ++i) static_cast<void>(buffer->append({std::to_string(i)}));
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto buffer = open();
  const auto found = rest(*buffer);
  ASSERT_EQ(found.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(found[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(DiskBufferTest, ATornTailIsLeftOutWhereverItIsTorn) {
  { ASSERT_TRUE(open()->append({"whole", "torn by a crash"})); }
  const auto file = last_file();
  const auto size = fs::file_size(file);
  const auto torn_from = size - (8 + std::string("torn by a crash").size());
  for (auto length = size - 1; length > torn_from; --length) {
    fs::resize_file(file, length);
    const auto buffer = open();
    EXPECT_THAT(rest(*buffer), ElementsAre("whole")) << length;
    EXPECT_EQ(buffer->waiting(), 1u);
  }
}

TEST_F(DiskBufferTest, DamageEndsAFileAndTheNextOneIsRead) {
  { ASSERT_TRUE(open()->append({"first", "damaged", "behind it"})); }
  {
    std::fstream file(last_file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8 + 5 + 8);
    file << 'X';
  }
  { ASSERT_TRUE(open()->append({"later"})); }
  EXPECT_THAT(rest(*open()), ElementsAre("first", "later"));
}

TEST_F(DiskBufferTest, ADamagedNoteMeansThatSomeComeTwice) {
  {
    const auto buffer = open();
    ASSERT_TRUE(buffer->append({"one", "two"}));
    buffer->acknowledge(buffer->read(buffer->first())->next);
  }
  std::ofstream(folder + "/acknowledged", std::ios::binary) << "no note";
  EXPECT_THAT(rest(*open()), ElementsAre("one", "two"));
}

TEST_F(DiskBufferTest, DropsTheOldestAndCountsThem) {
  const std::string entry(1000, 'x');
  const auto buffer = open(200'000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(buffer->append({std::to_string(1000 + i) + entry}));
  EXPECT_LE(buffer->bytes(), 200'000u);
  EXPECT_GE(buffer->bytes(), 150'000u);  // not more than need be
  const auto found = rest(*buffer);
  EXPECT_EQ(found.size(), buffer->waiting());
  EXPECT_EQ(buffer->dropped() + found.size(), 1000u);
  EXPECT_EQ(found.back().substr(0, 4), "1999");
  EXPECT_EQ(found.front().substr(0, 4), std::to_string(1000 + buffer->dropped()));
}

TEST_F(DiskBufferTest, AReaderBehindTheBoundGoesOnWithTheOldest) {
  const std::string entry(1000, 'x');
  const auto buffer = open(100'000);
  ASSERT_TRUE(buffer->append({"0" + entry}));
  const auto place = buffer->first();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(buffer->append({entry}));
  const auto next = buffer->read(place);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->bytes, entry);
  EXPECT_GT(next->next, buffer->first());
}

TEST_F(DiskBufferTest, FilesThatAreDoneWithAreRemoved) {
  const auto buffer = open();
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(buffer->append({std::string(1000, 'x')}));
  EXPECT_GT(buffer->bytes(), 900'000u);
  auto place = buffer->first();
  while (const auto entry = buffer->read(place)) place = entry->next;
  buffer->acknowledge(place);
  EXPECT_EQ(buffer->waiting(), 0u);
  EXPECT_LT(buffer->bytes(), 100'000u);
  EXPECT_THAT(rest(*buffer), IsEmpty());
  ASSERT_TRUE(buffer->append({"more"}));
  EXPECT_THAT(rest(*buffer), ElementsAre("more"));
}

TEST_F(DiskBufferTest, IsOfOneProcess) {
  const auto buffer = open();
  const auto second = DiskBuffer::open(folder, 1'000'000);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::fatal);
  EXPECT_THAT(second.error().message, HasSubstr(folder));
}

TEST_F(DiskBufferTest, SaysWhereItCannotBe) {
  std::ofstream(folder) << "a file";
  const auto buffer = DiskBuffer::open(folder + "/below", 1'000'000);
  ASSERT_FALSE(buffer);
  EXPECT_THAT(buffer.error().message, HasSubstr("OPPEN_BUFFER_DIR"));
}

}  // namespace
}  // namespace oppen::telemetry
