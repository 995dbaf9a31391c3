// Proves that KUBECONFIG and a pod's own files lead to the API server with the right credentials,
// that a token's file is read again when it has to be, and that what can't work is refused with a
// sentence that says what to change.
#include "workers/runtime/kube_access.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace oppen::runtime {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

class KubeAccessTest : public ::testing::Test {
 protected:
  KubeAccessTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "oppen-access-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~KubeAccessTest() override {
    std::filesystem::remove_all(folder);
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
  }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
  std::string kubeconfig(const std::string& cluster, const std::string& user) const {
    return write("config",
                 "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
                 "contexts:\n- name: other\n  context: {cluster: x, user: y}\n"
                 "- name: here\n  context: {cluster: c, user: u}\n"
                 "clusters:\n- name: c\n  cluster: {" +
                     cluster +
                     "}\n"
                     "users:\n- name: u\n  user: {" +
                     user + "}\n");
  }
  std::string refusal(const std::string& cluster, const std::string& user) const {
    const auto access = KubeAccess::from_kubeconfig(kubeconfig(cluster, user));
    return access ? "" : access.error().message;
  }

  std::filesystem::path folder;
};

TEST_F(KubeAccessTest, TakesTheCurrentContext) {
  write("ca.pem", "CA TEXT\n");
  const auto access = KubeAccess::from_kubeconfig(kubeconfig(
      "server: 'https://127.0.0.1:6443/', certificate-authority: ca.pem", "token: s3cret"));
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ((*access)->server(), "https://127.0.0.1:6443");
  const HttpRequest request = (*access)->request("GET", "/api/v1/nodes?limit=1");
  EXPECT_EQ(request.url, "https://127.0.0.1:6443/api/v1/nodes?limit=1");
  EXPECT_EQ(request.tls->ca, "CA TEXT");
  EXPECT_FALSE(request.tls->insecure);
  EXPECT_THAT(request.headers, Contains(Pair("Authorization", "Bearer s3cret")));
}

TEST_F(KubeAccessTest, DecodesCertificates) {
  const auto access = KubeAccess::from_kubeconfig(kubeconfig(
      "server: 'https://k', certificate-authority-data: Q0E=, insecure-skip-tls-verify: true",
      "client-certificate-data: Q0VSVA==, client-key-data: S0VZ"));
  ASSERT_TRUE(access) << access.error().message;
  const HttpRequest request = (*access)->request("GET", "/");
  EXPECT_EQ(request.tls->ca, "CA");
  EXPECT_EQ(request.tls->certificate, "CERT");
  EXPECT_EQ(request.tls->key, "KEY");
  EXPECT_TRUE(request.tls->insecure);
  EXPECT_TRUE(request.headers.empty());
}

TEST_F(KubeAccessTest, RefusesWhatItCannotDo) {
  const std::string good = "server: 'https://k'";
  EXPECT_THAT(refusal(good, "exec: {command: aws}"),
              AllOf(HasSubstr("user.exec"), HasSubstr("client certificates")));
  EXPECT_THAT(refusal(good + ", proxy-url: 'http://p'", "token: t"),
              HasSubstr("cluster.proxy-url"));
  EXPECT_THAT(refusal("server: nowhere", "token: t"),
              AllOf(HasSubstr("cluster.server"), HasSubstr("nowhere")));
  EXPECT_THAT(refusal(good, "client-certificate-data: Q0VSVA=="), HasSubstr("client-key"));
  EXPECT_THAT(refusal(good + ", certificate-authority-data: '%%'", "token: t"),
              HasSubstr("base64"));
  EXPECT_THAT(refusal(good + ", certificate-authority: absent.pem", "token: t"),
              HasSubstr("absent.pem"));
  EXPECT_THAT(KubeAccess::from_kubeconfig(write("bad", "{a: [")).error().message,
              HasSubstr("expected YAML"));
  EXPECT_THAT(KubeAccess::from_kubeconfig(write("none", "current-context: gone\n")).error().message,
              AllOf(HasSubstr("contexts"), HasSubstr("gone")));
}

TEST_F(KubeAccessTest, ReadsATokenFileAgainAfterARefusal) {
  write("token", "first\n");
  const auto access =
      KubeAccess::from_kubeconfig(kubeconfig("server: 'https://k'", "tokenFile: token"));
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_THAT((*access)->request("GET", "/").headers,
              Contains(Pair("Authorization", "Bearer first")));
  write("token", "second");
  EXPECT_THAT((*access)->request("GET", "/").headers,
              Contains(Pair("Authorization", "Bearer first")));
  (*access)->unauthorized();
  EXPECT_THAT((*access)->request("GET", "/").headers,
              Contains(Pair("Authorization", "Bearer second")));
  std::filesystem::remove(folder / "token");
  (*access)->unauthorized();
  EXPECT_THAT((*access)->request("GET", "/").headers,
              Contains(Pair("Authorization", "Bearer second")));
}

TEST_F(KubeAccessTest, TakesTheFirstFileOfTheListThatExists) {
  const std::string file = kubeconfig("server: 'https://k'", "token: t");
  setenv("KUBECONFIG", ("/absent/one:" + file + ":/absent/two").c_str(), 1);
  const auto access = KubeAccess::from_environment();
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ((*access)->server(), "https://k");
  setenv("KUBECONFIG", "/absent/one", 1);
  EXPECT_THAT(KubeAccess::from_environment().error().message, HasSubstr("/absent/one"));
}

TEST_F(KubeAccessTest, FindsItsWayInsideACluster) {
  EXPECT_THAT(KubeAccess::from_environment().error().message, HasSubstr("KUBECONFIG"));
  write("token", "inside");
  write("ca.crt", "CA");
  const auto access = KubeAccess::in_cluster({folder.string(), "fd00::1", "443"});
  ASSERT_TRUE(access) << access.error().message;
  const HttpRequest request = (*access)->request("GET", "/version");
  EXPECT_EQ(request.url, "https://[fd00::1]:443/version");
  EXPECT_EQ(request.tls->ca, "CA");
  EXPECT_THAT(request.headers, Contains(Pair("Authorization", "Bearer inside")));
  EXPECT_THAT(KubeAccess::in_cluster({"/absent", "10.0.0.1", "443"}).error().message,
              HasSubstr("/absent/ca.crt"));
}

}  // namespace
}  // namespace oppen::runtime
