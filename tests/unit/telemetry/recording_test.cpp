// Proves that a recording is read as it was written, and that what is wrong in it is named by file, line and field.
#include "producers/telemetry/sources/recording.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "producers/telemetry/sources/replay.hpp"
#include "tests/unit/telemetry/data.hpp"

namespace oppen::telemetry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string error_of(std::string line) {
  RecordingParser parser;
  const auto readings = parser.parse(line);
  EXPECT_FALSE(readings) << line;
  if (readings) return {};
  EXPECT_EQ(readings.error().kind, ErrorKind::invalid);
  return readings.error().message;
}

std::string with_gpu(const std::string& fields) {
  return R"({"at":"2026-01-03T18:15:00Z","gpus":[{"uuid":"a"},{"uuid":"GPU-1",)" + fields + "}]}";
}

std::unique_ptr<Source> opened(const std::string& path) {
  auto source = open_replay(path);
  EXPECT_TRUE(source) << source.error().message;
  return source ? std::move(*source) : nullptr;
}

TEST(Replay, ReadsWhatWasRecorded) {
  const auto source = opened(data_file("recording/two-gpus.jsonl"));
  EXPECT_EQ(source->name(), "replay");
  const auto first = source->read();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(to_rfc3339(first->at), "2026-01-03T18:15:00.000Z");
  ASSERT_THAT(first->gpus, SizeIs(2));
  const GpuReading& gpu = first->gpus[0];
  EXPECT_EQ(gpu.uuid, gpu0);
  EXPECT_EQ(gpu.name, "Tesla T4");
  EXPECT_EQ(gpu.utilization_percent, 97);
  EXPECT_EQ(gpu.sm_active_percent, 41.5);
  EXPECT_EQ(gpu.memory_used_mb, 9021);
  EXPECT_EQ(gpu.memory_total_mb, 15360);
  EXPECT_EQ(gpu.temperature_celsius, 61);
  EXPECT_EQ(gpu.power_watts, 68.5);
  EXPECT_EQ(gpu.last_xid, 0);
  EXPECT_EQ(gpu.ecc_errors_total, 0);
  EXPECT_THAT(gpu.throttle_reasons, ElementsAre("sw_power_cap"));
  ASSERT_THAT(gpu.processes, SizeIs(1));
  EXPECT_EQ(gpu.processes[0].pid, 4711);
  EXPECT_EQ(gpu.processes[0].memory_mb, 9000);
  EXPECT_EQ(gpu.processes[0].utilization_percent, 97);
  EXPECT_EQ(gpu.pod, "train-1");
  EXPECT_EQ(gpu.pod_namespace, "ml-training");
  EXPECT_EQ(first->gpus[1].index, 1);
  EXPECT_EQ(first->gpus[1].temperature_celsius, std::nullopt);
  EXPECT_THAT(first->gpus[1].sharing,
              ElementsAre(PodName{"a-1", "ml-training"}, PodName{"b-1", ""}));
  const auto second = source->read();
  ASSERT_TRUE(second) << second.error().message;
  ASSERT_THAT(second->gpus, SizeIs(1));
  EXPECT_EQ(second->gpus[0].last_xid, 31);
  EXPECT_EQ(second->gpus[0].utilization_percent, std::nullopt);
  for (int again = 0; again < 2; ++again) {
    const auto end = source->read();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::not_found);
  }
}

TEST(Replay, OfAPipeThatHasNothingIsUnavailableAndGoesOnInTheMiddleOfALine) {
  const Folder folder;
  const std::string path = folder.path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto opened = open_replay(path, std::chrono::milliseconds(10));
  ASSERT_TRUE(opened) << opened.error().message;
  const auto& source = *opened;
  const auto expect_nothing = [&] {
    const auto nothing = source->read();
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(nothing.error().message, HasSubstr(path));
  };
  expect_nothing();
  std::ofstream writer(path);
  writer << R"({"at":"2026-01-03T18:15:00Z","gp)" << std::flush;
  expect_nothing();
  writer << R"(us":[{"uuid":"a","index":0}]})" << std::endl;
  const auto readings = source->read();
  ASSERT_TRUE(readings) << readings.error().message;
  EXPECT_THAT(readings->gpus, SizeIs(1));
  expect_nothing();
  writer.close();
  const auto end = source->read();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::not_found);
}

TEST(Recording, IsReadAsItWasWritten) {
  const auto source = opened(data_file("recording/two-gpus.jsonl"));
  const std::string file = data("recording/two-gpus.jsonl");
  const auto first = source->read();
  ASSERT_TRUE(first);
  EXPECT_EQ(recorded_line(*first), file.substr(0, file.find('\n') + 1));
  EXPECT_EQ(recorded_line({}), "{\"at\":\"1970-01-01T00:00:00.000Z\",\"gpus\":[]}\n");

  Readings odd;
  odd.gpus.emplace_back().uuid = "GPU \"1\"\n\\ \xff \xe2\x82\xac";
  std::string line = recorded_line(odd);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  line.pop_back();
  RecordingParser parser;
  const auto read = parser.parse(line);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->gpus[0].uuid, "GPU \"1\"\n\\ \xef\xbf\xbd \xe2\x82\xac");
}

TEST(Recording, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(error_of(with_gpu(R"("utilization_percent":101)")),
            "gpus[1].utilization_percent is 101: expected a number from 0 to 100");
  EXPECT_EQ(error_of(with_gpu(R"("memory_used_mb":"much")")),
            "gpus[1].memory_used_mb is \"much\": expected a number of MiB");
  EXPECT_EQ(error_of(with_gpu(R"("index":-1)")),
            "gpus[1].index is -1: expected a whole number from 0");
  EXPECT_EQ(error_of(with_gpu(R"("index":2147483648)")),
            "gpus[1].index is 2147483648: expected a whole number from 0");
  EXPECT_EQ(error_of(with_gpu(R"("last_xid":1.5)")),
            "gpus[1].last_xid is 1.5: expected a whole number from 0 to 9999");
  EXPECT_EQ(error_of(with_gpu(R"("name":7)")),
            "gpus[1].name is 7: expected a string of at most 256 bytes");
  EXPECT_EQ(error_of(with_gpu(R"("processes":{})")), "gpus[1].processes is {: expected a list");
  EXPECT_EQ(error_of(with_gpu(R"("processes":[{}])")), "gpus[1].processes: pid is missing");
  EXPECT_EQ(error_of(with_gpu(R"("sharing":[{}])")), "gpus[1].sharing: pod is missing");
  EXPECT_THAT(error_of(with_gpu("\"name\":\"" + std::string(257, 'x') + "\"")),
              HasSubstr("expected a string of at most 256 bytes"));
  EXPECT_EQ(error_of(R"({"at":"2026-01-03T18:15:00Z","gpus":[{"index":0}]})"),
            "gpus[0].uuid is missing");
  EXPECT_EQ(error_of(R"({"at":"2026-01-03T18:15:00Z","gpus":[7]})"),
            "gpus[0] is 7: expected an object");
  EXPECT_EQ(error_of(R"({"gpus":[]})"), "at is missing");
  EXPECT_EQ(error_of(R"({"at":"2026-01-03T18:15:00Z"})"), "gpus is missing");
  EXPECT_EQ(error_of(R"({"at":"yesterday","gpus":[]})"),
            "at is \"yesterday\": expected an RFC 3339 time");
}

TEST(Recording, OtherTextIsInvalid) {
  for (const char* text : {"", "[]", "7", "{", R"({"at":"2026-01-03T18:15:00Z","gpus":[})", "{]}",
                           "\xff", R"({"at":"2026-01-03T18:15:00Z","gpus":[]}})",
                           R"({"at":"2026-01-03T18:15:00Z","gpus":[]} {})"})
    EXPECT_NE(error_of(text), "") << text;
}

TEST(Replay, GoesOnBehindALineThatIsWrong) {
  const Folder folder;
  const std::string good = recorded_line({});
  const std::string path =
      folder.write("recording.jsonl", good + "nonsense\n" + "\r\n\n" +
                                          std::string(longest_recorded_line + 1, ' ') + "\n" +
                                          good + good.substr(0, good.size() - 1));
  const auto source = opened(path);
  EXPECT_TRUE(source->read());
  const auto wrong = source->read();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
  EXPECT_THAT(wrong.error().message, HasSubstr(path + ", line 2: "));
  const auto longer = source->read();
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().message, path + ", line 5 is longer than 1048576 bytes");
  EXPECT_TRUE(source->read());
  EXPECT_TRUE(source->read()) << "the last line may lack its end";
  EXPECT_EQ(source->read().error().kind, ErrorKind::not_found);
}

TEST(Replay, AFileThatIsNotThereIsSaidSo) {
  const Folder folder;
  const auto missing = open_replay(folder.path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  const auto directory = open_replay(folder.path("."));
  ASSERT_TRUE(directory);
  EXPECT_EQ((*directory)->read().error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace oppen::telemetry
