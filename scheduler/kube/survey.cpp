#include "scheduler/kube/survey.hpp"

#include "scheduler/kube/api_caller.hpp"
#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/list_parse.hpp"
#include "scheduler/kube/pod_parse.hpp"
#include "scheduler/kube/quota_parse.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::kube {
namespace {

constexpr auto page_limit = "limit=250";
constexpr std::chrono::seconds answer_within{5};
constexpr auto not_ended = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";

}  // namespace

struct KubeSurvey::Impl {
  std::unique_ptr<runtime::KubeAccess> access;
  std::string namespace_path;
  runtime::HttpClient http;

  Status list(const std::string& collection, const std::string& selector,
              const std::function<void(const Json&)>& each) {
    std::string token;
    do {
      std::string path = namespace_path + collection + "?" + page_limit;
      if (!selector.empty()) path += "&" + selector;
      if (!token.empty()) path += "&continue=" + escaped(token);
      auto request = access->request("GET", path);
      request.timeout = answer_within;
      const auto answer = http.send(std::move(request));
      if (!answer) return fail(answer.error().in_context("listing " + collection.substr(1)));
      if (answer->status == 401) access->unauthorized();
      if (!answer->ok()) {
        const auto problem = problem_of(*answer);
        return fail(problem.status == 403 ? ErrorKind::refused : ErrorKind::unavailable,
                    "listing " + collection.substr(1) + ": " + problem.message);
      }
      const auto page = parse_list(answer->body, each);
      if (!page) return fail(page.error());
      token = page->continue_token;
    } while (!token.empty());
    return {};
  }
};

KubeSurvey::KubeSurvey(std::unique_ptr<runtime::KubeAccess> access, std::string pod_namespace)
    : impl_(new Impl{std::move(access), "/api/v1/namespaces/" + pod_namespace, {}}) {}

KubeSurvey::~KubeSurvey() = default;

Status KubeSurvey::pods(const std::function<void(const Pod&)>& each) {
  return impl_->list("/pods", not_ended, [&](const Json& object) { each(parse_pod(object)); });
}

Result<std::vector<SurveyedQuota>> KubeSurvey::quotas() {
  std::vector<SurveyedQuota> quotas;
  auto status = impl_->list("/resourcequotas", "", [&](const Json& object) {
    if (auto parsed = parse_quota(object); parsed.quota) {
      quotas.push_back(
          {std::move(*parsed.quota), text(member(object, "metadata"), "resourceVersion")});
    }
  });
  if (!status) return fail(status.error());
  return quotas;
}

}  // namespace oppen::kube
