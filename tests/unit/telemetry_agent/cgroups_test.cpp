// Proves that pods are found in what kernels, kubelets and container runtimes write, and what they use, on trees like theirs.
#include "producers/telemetry/cgroups.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace oppen::telemetry {
namespace {

namespace fs = std::filesystem;

constexpr auto uid = "2f1b6c9e-5a0d-4c57-9f0e-3b1d7a8c6e42";
constexpr auto uid_in_slice = "2f1b6c9e_5a0d_4c57_9f0e_3b1d7a8c6e42";
const std::string container(64, 'c');

TEST(PodUid, IsFoundInEverySpelling) {
  const std::string u = uid;
  const std::string s = uid_in_slice;
  for (const auto& text : std::vector<std::string>{
           // v2, systemd driver, containerd and CRI-O
           "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + s +
               ".slice/cri-containerd-" + container + ".scope\n",
           "0::/kubepods.slice/kubepods-pod" + s + ".slice/crio-" + container + ".scope\n",
           // v2, cgroupfs driver
           "0::/kubepods/besteffort/pod" + u + "/" + container + "\n",
           // v2 seen from a container with a cgroup namespace of its own
           "0::/../../kubepods-burstable-pod" + s + ".slice/cri-containerd-" + container +
               ".scope\n",
           "0::/../../pod" + u + "/" + container + "\n",
           // v1
           "12:pids:/kubepods/burstable/pod" + u + "/" + container +
               "\n11:cpu,cpuacct:/kubepods/burstable/pod" + u + "/" + container + "\n0::/\n",
           "5:devices:/user.slice\n4:memory:/kubepods.slice/kubepods-besteffort.slice/"
           "kubepods-besteffort-pod" +
               s + ".slice/docker-" + container + ".scope\n",
           // containerd that was not told of the systemd driver
           "11:cpuset:/system.slice/containerd.service/kubepods-burstable-pod" + s +
               ".slice:cri-containerd:" + container + "\n",
           // a kubelet with a root of its own (kind)
           "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
           "kubelet-kubepods-burstable-pod" +
               s + ".slice/cri-containerd-" + container + ".scope\n",
           "pod" + u}) {
    EXPECT_EQ(pod_uid_in(text), uid) << text;
  }
}

TEST(PodUid, OfAPodFromAFileIsAHash) {
  EXPECT_EQ(pod_uid_in("0::/kubepods/podd41d8cd98f00b204e9800998ecf8427e/" + container),
            "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(PodUid, IsNotInvented) {
  for (const auto& text : std::vector<std::string>{
           "", "0::/\n", "0::/user.slice/user-1000.slice\n", "0::/kubepods/burstable\n",
           "0::/system.slice/podman-" + std::string(uid) + "\n", "0::/kubepods/pod2f1b6c9e-5a0d\n",
           "0::/tripod" + std::string(uid), "0::/pod" + std::string(uid) + "ab",
           "0::/libpod-" + container}) {
    EXPECT_EQ(pod_uid_in(text), "") << text;
  }
}

class Tree : public testing::Test {
 protected:
  Tree() { fs::create_directories(root); }
  ~Tree() override { fs::remove_all(root); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  const fs::path root = fs::path(testing::TempDir()) /
                        ("cgroups-" + std::to_string(getpid()) + "-" +
                         testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(Tree, AProcessIsInItsPod) {
  write("4711/cgroup", "0::/kubepods/pod" + std::string(uid) + "/" + container + "\n");
  EXPECT_EQ(pod_uid_of_process(root, 4711), uid);
  EXPECT_EQ(pod_uid_of_process(root, 4712), "");
}

TEST_F(Tree, VersionTwoWithSystemd) {
  const auto group = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" +
                     std::string(uid_in_slice) + ".slice/";
  write("cgroup.controllers", "cpu memory\n");
  write(group + "cpu.stat", "usage_usec 12500000\nuser_usec 1\nsystem_usec 2\n");
  write(group + "memory.current", "8192\n");
  write(group + "memory.stat", "anon 1\nfile 5\ninactive_file 4096\nactive_file 3\n");
  const auto usage = read_pod_usage(root, {uid});
  ASSERT_EQ(usage.size(), 1u);
  EXPECT_DOUBLE_EQ(usage.at(uid).cpu_seconds, 12.5);
  EXPECT_EQ(usage.at(uid).memory_bytes, 4096);
}

TEST_F(Tree, VersionOneWithCgroupfs) {
  const auto group = "kubepods/besteffort/pod" + std::string(uid) + "/";
  for (const auto* controller : {"cpu,cpuacct/", "memory/"})
    fs::create_directories(root / controller);
  write("cpu,cpuacct/" + group + "cpuacct.usage", "2500000000\n");
  write("memory/" + group + "memory.usage_in_bytes", "10000\n");
  write("memory/" + group + "memory.stat", "inactive_file 1\ntotal_inactive_file 20000\n");
  const auto usage = read_pod_usage(root, {uid, "another"});
  ASSERT_EQ(usage.size(), 1u);
  EXPECT_DOUBLE_EQ(usage.at(uid).cpu_seconds, 2.5);
  EXPECT_EQ(usage.at(uid).memory_bytes, 0);  // never below
}

TEST_F(Tree, UnderARootOfTheKubeletsOwn) {
  const auto group = "its-own-root/kubepods/pod" + std::string(uid) + "/";
  write("cgroup.controllers", "cpu memory\n");
  write("system.slice/ssh.service/cpu.stat", "usage_usec 7\n");
  write(group + "cpu.stat", "usage_usec 1000000\n");
  write(group + "memory.current", "8192\n");
  EXPECT_EQ(read_pod_usage(root, {uid}).size(), 1u);
}

TEST_F(Tree, WhatCannotBeReadIsLeftOut) {
  write("cgroup.controllers", "");
  write("kubepods/pod" + std::string(uid) + "/cpu.stat", "nonsense\n");
  EXPECT_TRUE(read_pod_usage(root, {uid}).empty());
  EXPECT_TRUE(read_pod_usage(root / "missing", {uid}).empty());
}

}  // namespace
}  // namespace oppen::telemetry
