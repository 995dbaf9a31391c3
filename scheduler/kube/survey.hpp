#pragma once
// Looks once at what is watched otherwise, for those who compare: the pods and quotas as the API server shows them now. Reads pages
// and keeps none. One thread; calls wait for the answers.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/kube/kube_api.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::kube {

struct SurveyedQuota {
  Quota quota;
  std::string version;  // another one after each write
  bool operator==(const SurveyedQuota&) const = default;
};

class Survey {
 public:
  virtual ~Survey() = default;
  // All pods of the namespace that have not ended, ours and others'. Errors: unavailable, refused (the message names the right).
  virtual Status pods(const std::function<void(const Pod&)>& each) = 0;
  // Those that can be reckoned with (quota_parse.hpp). Errors: as of pods.
  virtual Result<std::vector<SurveyedQuota>> quotas() = 0;
};

class KubeSurvey final : public Survey {
 public:
  KubeSurvey(std::unique_ptr<runtime::KubeAccess> access, std::string pod_namespace);
  ~KubeSurvey() override;
  Status pods(const std::function<void(const Pod&)>& each) override;
  Result<std::vector<SurveyedQuota>> quotas() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::kube
