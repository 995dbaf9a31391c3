// Proves that a DCGM exporter is asked over HTTP, and what is said when it doesn't answer as it should.
#include "producers/telemetry/sources/dcgm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/telemetry/data.hpp"
#include "tests/unit/telemetry/metrics_server.hpp"

namespace oppen::telemetry {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST(DcgmSource, GivesTheExportersGpus) {
  const MetricsServer exporter(data("dcgm/2.3-t4.prom"));
  const FixedClock clock;
  const auto source = open_dcgm(exporter.url(), clock);
  EXPECT_EQ(source->name(), "dcgm");
  for (int reading = 0; reading < 2; ++reading) {
    const auto readings = source->read();
    ASSERT_TRUE(readings) << readings.error().message;
    EXPECT_EQ(readings->at, clock.now());
    EXPECT_THAT(readings->gpus, SizeIs(2));
  }
}

TEST(DcgmSource, ErrorsSayWhatTheExporterDid) {
  const FixedClock clock;
  const MetricsServer broken("oops", 500);
  const auto status = open_dcgm(broken.url(), clock)->read();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(status.error().message, "the DCGM exporter answers with status 500");

  const MetricsServer other("DCGM_FI_DEV_GPU_UTIL{\n");
  const auto text = open_dcgm(other.url(), clock)->read();
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::invalid);
  EXPECT_THAT(text.error().message, HasSubstr("line 1"));

  const MetricsServer starting("");
  EXPECT_EQ(open_dcgm(starting.url(), clock)->read().error().kind, ErrorKind::unavailable);
  EXPECT_EQ(open_dcgm("http://127.0.0.1:1/metrics", clock)->read().error().kind,
            ErrorKind::unavailable);
  EXPECT_EQ(open_dcgm("no url", clock)->read().error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::telemetry
