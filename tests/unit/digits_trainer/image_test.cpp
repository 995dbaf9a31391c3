// Proves that packing is reproducible and refuses what could not run.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "process.hpp"

namespace oppen::digits_trainer {
namespace {

using testing::HasSubstr;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A 64-bit ELF header with one program header of this type: all that the packer looks at.
std::string elf(char program_header_type) {
  std::string file(64 + 56, '\0');
  file.replace(0, 5,
               "\x7f"
               "ELF\x02");
  file[32] = 64;  // where the program headers begin
  file[54] = 56;  // how long one is
  file[56] = 1;   // how many there are
  file[64] = program_header_type;
  return file;
}

class Image : public testing::Test {
 protected:
  Image() { std::filesystem::create_directory(folder_); }
  ~Image() override { std::filesystem::remove_all(folder_); }

  Ended pack(const std::string& image, const std::string& program, const std::string& out) {
    return run_program({IMAGE_BUILD, image, folder_ / program, folder_ / out});
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + "image-" +
      testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(getpid());
};

TEST_F(Image, TheSameProgramGivesTheSameBytes) {
  std::ofstream(folder_ / "trainer", std::ios::binary) << elf(1);
  const Ended first = pack("oppen.dev/trainer:1", "trainer", "a.tar");
  ASSERT_EQ(first.exit_code, 0) << first.output;
  std::filesystem::last_write_time(folder_ / "trainer", {});
  const Ended second = pack("oppen.dev/trainer:1", "trainer", "b.tar");
  EXPECT_EQ(first.output, second.output);
  EXPECT_THAT(first.output, HasSubstr("oppen.dev/trainer:1 sha256:"));
  EXPECT_EQ(content(folder_ / "a.tar"), content(folder_ / "b.tar"));
  EXPECT_THAT(content(folder_ / "a.tar"),
              HasSubstr("\"Entrypoint\":[\"/trainer\"],\"User\":\"65532:65532\""));
  EXPECT_THAT(content(folder_ / "a.tar"),
              HasSubstr("\"io.containerd.image.name\":\"oppen.dev/trainer:1\""));
}

TEST_F(Image, WhatCouldNotRunIsRefused) {
  std::ofstream(folder_ / "dynamic", std::ios::binary) << elf(3);
  std::ofstream(folder_ / "script") << "#!/bin/sh\n";
  const Ended dynamic = pack("oppen.dev/t:1", "dynamic", "a.tar");
  EXPECT_EQ(dynamic.exit_code, 2);
  EXPECT_THAT(dynamic.output, HasSubstr("build: ldd " + (folder_ / "dynamic").string()));
  EXPECT_THAT(pack("oppen.dev/t:1", "script", "a.tar").output,
              HasSubstr("is not a 64-bit Linux program"));
  EXPECT_THAT(pack("oppen.dev/t:1", "absent", "a.tar").output, HasSubstr("cannot be read"));
  EXPECT_THAT(pack("oppen.dev/t", "dynamic", "a.tar").output, HasSubstr("has no tag"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.tar"));
}

}  // namespace
}  // namespace oppen::digits_trainer
