locals {
  gpu = "nvidia.com/gpu"

  priority_descriptions = {
    urgent     = "Training jobs that go before all others"
    normal     = "Training jobs, unless said otherwise"
    background = "Training jobs that run when nothing else waits"
  }

  # One catalogue for both ways of creating the objects.
  default_catalog = yamldecode(file("${path.module}/../../deploy/kubernetes/scheduling-policies.yaml")).data.model_catalog
}

resource "kubectl_manifest" "namespace" {
  yaml_body = yamlencode({
    apiVersion = "v1"
    kind       = "Namespace"
    metadata = {
      name   = var.namespace
      labels = { "app.kubernetes.io/part-of" = "oppen" }
    }
  })
  wait = true # a destroyed namespace is gone when destroy returns
}

# A job's priority is the name of its pod's class, so the names are fixed. Nothing is evicted for them: preemption is the queue's
# decision, not the cluster's.
resource "kubectl_manifest" "priority_class" {
  for_each = var.create_priority_classes ? var.priority_values : {}

  yaml_body = yamlencode(merge(
    {
      apiVersion       = "scheduling.k8s.io/v1"
      kind             = "PriorityClass"
      metadata         = { name = each.key }
      value            = each.value
      preemptionPolicy = "Never"
      description      = local.priority_descriptions[each.key]
    },
    each.key == "normal" && var.normal_is_global_default ? { globalDefault = true } : {}
  ))
  force_new = true # Kubernetes lets no class change its value
}

# What training may hold at once.
resource "kubectl_manifest" "quota" {
  yaml_body = yamlencode({
    apiVersion = "v1"
    kind       = "ResourceQuota"
    metadata   = { name = "${var.namespace}-quota", namespace = kubectl_manifest.namespace.name }
    spec = {
      hard = {
        "requests.${local.gpu}" = tostring(var.quota.gpus)
        "requests.cpu"          = var.quota.cpu
        "limits.cpu"            = var.quota.cpu
        "requests.memory"       = var.quota.memory
        "limits.memory"         = var.quota.memory
        pods                    = tostring(var.quota.pods)
      }
    }
  })
}

# Of that, what background jobs may hold.
resource "kubectl_manifest" "background_quota" {
  yaml_body = yamlencode({
    apiVersion = "v1"
    kind       = "ResourceQuota"
    metadata   = { name = "${var.namespace}-background-quota", namespace = kubectl_manifest.namespace.name }
    spec = {
      hard = {
        "requests.${local.gpu}" = tostring(var.background_quota.gpus)
        "requests.memory"       = var.background_quota.memory
        "limits.memory"         = var.background_quota.memory
      }
      scopeSelector = {
        matchExpressions = [{ scopeName = "PriorityClass", operator = "In", values = ["background"] }]
      }
    }
  })
}

resource "kubectl_manifest" "limits" {
  yaml_body = yamlencode({
    apiVersion = "v1"
    kind       = "LimitRange"
    metadata   = { name = "${var.namespace}-limits", namespace = kubectl_manifest.namespace.name }
    spec = {
      limits = [
        {
          type = "Pod"
          max  = { cpu = var.pod_limit.cpu, memory = var.pod_limit.memory, (local.gpu) = tostring(var.pod_limit.gpus) }
        },
        # A pod has to name a limit for whatever has a maximum: without the GPU default, those that want none would be refused.
        {
          type           = "Container"
          default        = { cpu = var.container_default.cpu, memory = var.container_default.memory, (local.gpu) = "0" }
          defaultRequest = { cpu = var.container_default.cpu, memory = var.container_default.memory, (local.gpu) = "0" }
        },
      ]
    }
  })
}

resource "kubectl_manifest" "scheduling_policies" {
  yaml_body = yamlencode({
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "scheduling-policies", namespace = kubectl_manifest.namespace.name }
    data = merge(var.further_scheduling_policies, {
      max_concurrent_jobs           = tostring(var.max_concurrent_jobs)
      gpu_utilization_threshold_min = tostring(var.gpu_utilization_threshold_min)
      gpu_utilization_threshold_max = tostring(var.gpu_utilization_threshold_max)
      gpu_utilization_target        = tostring(var.gpu_utilization_target)
      default_priority              = var.default_priority
      default_max_runtime_seconds   = tostring(var.default_max_runtime_seconds)
      backfill_enabled              = tostring(var.backfill_enabled)
      preemption_enabled            = tostring(var.preemption_enabled)
      model_catalog                 = var.model_catalog != null ? var.model_catalog : local.default_catalog
    })
  })
}

resource "kubectl_manifest" "cost_model" {
  yaml_body = yamlencode({
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "cost-model", namespace = kubectl_manifest.namespace.name }
    data = {
      gpu_hourly_usd         = tostring(var.gpu_hourly_usd)
      gpu_type_hourly_usd    = jsonencode(var.gpu_type_hourly_usd)
      cpu_only_hourly_usd    = tostring(var.cpu_only_hourly_usd)
      cpu_core_hourly_usd    = tostring(var.cpu_core_hourly_usd)
      memory_gb_hourly_usd   = tostring(var.memory_gb_hourly_usd)
      off_peak_window        = var.off_peak_window
      off_peak_multiplier    = tostring(var.off_peak_multiplier)
      urgent_multiplier      = tostring(var.urgent_multiplier)
      background_multiplier  = tostring(var.background_multiplier)
      spot_multiplier        = tostring(var.spot_multiplier)
      spot_interruption_rate = tostring(var.spot_interruption_rate)
    }
  })
}
