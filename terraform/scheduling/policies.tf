# One variable for each key of the ConfigMap scheduling-policies, which the scheduler reads while it runs.

variable "max_concurrent_jobs" {
  description = "How many jobs may run at once. The others wait."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_concurrent_jobs >= 1 && var.max_concurrent_jobs <= 100000 && var.max_concurrent_jobs == floor(var.max_concurrent_jobs)
    error_message = "max_concurrent_jobs is ${var.max_concurrent_jobs}: expected a whole number from 1 to 100000."
  }
}

variable "gpu_utilization_threshold_min" {
  description = "A GPU that is used less than this is wasted, in percent."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.gpu_utilization_threshold_min >= 0 && var.gpu_utilization_threshold_min <= 100 && var.gpu_utilization_threshold_min == floor(var.gpu_utilization_threshold_min)
    error_message = "gpu_utilization_threshold_min is ${var.gpu_utilization_threshold_min}: expected a whole number from 0 to 100."
  }
}

variable "gpu_utilization_threshold_max" {
  description = "A GPU that is used more than this is overloaded, in percent."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.gpu_utilization_threshold_max >= 0 && var.gpu_utilization_threshold_max <= 100 && var.gpu_utilization_threshold_max == floor(var.gpu_utilization_threshold_max)
    error_message = "gpu_utilization_threshold_max is ${var.gpu_utilization_threshold_max}: expected a whole number from 0 to 100."
  }
}

variable "gpu_utilization_target" {
  description = "What a GPU's utilisation should be, in percent."
  type        = number
  default     = 70
  nullable    = false

  validation {
    condition     = var.gpu_utilization_target == floor(var.gpu_utilization_target) && var.gpu_utilization_target >= var.gpu_utilization_threshold_min && var.gpu_utilization_target <= var.gpu_utilization_threshold_max
    error_message = "gpu_utilization_target is ${var.gpu_utilization_target}: expected a whole number from gpu_utilization_threshold_min (${var.gpu_utilization_threshold_min}) to gpu_utilization_threshold_max (${var.gpu_utilization_threshold_max})."
  }
}

variable "default_priority" {
  description = "The priority of a job that names none."
  type        = string
  default     = "normal"
  nullable    = false

  validation {
    condition     = contains(["urgent", "normal", "background"], var.default_priority)
    error_message = "default_priority is \"${var.default_priority}\": expected urgent, normal or background."
  }
}

variable "default_max_runtime_seconds" {
  description = "How long a job may run that names no limit; then it is ended."
  type        = number
  default     = 86400
  nullable    = false

  validation {
    condition     = var.default_max_runtime_seconds >= 1 && var.default_max_runtime_seconds <= 31536000 && var.default_max_runtime_seconds == floor(var.default_max_runtime_seconds)
    error_message = "default_max_runtime_seconds is ${var.default_max_runtime_seconds}: expected a whole number from 1 to 31536000."
  }
}

variable "backfill_enabled" {
  description = "Whether small jobs may go ahead of a blocked large one that they do not delay."
  type        = bool
  default     = false
  nullable    = false
}

variable "preemption_enabled" {
  description = "Whether a running background job may be ended for an urgent one. The scheduler knows the key, but does not act on it yet."
  type        = bool
  default     = false
  nullable    = false
}

variable "model_catalog" {
  description = "JSON: model type to what a job of that type gets when it does not say otherwise (image, command, args, resources, seconds_per_epoch, pod_template). null: the catalogue of deploy/kubernetes/scheduling-policies.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.model_catalog == null || can([for entry in values(jsondecode(var.model_catalog)) : tostring(entry.image)])
    error_message = "model_catalog is ${jsonencode(var.model_catalog)}: expected a JSON object of model types, each with its image, such as {\"mnist\":{\"image\":\"registry/trainer:1\"}}."
  }
}

variable "further_scheduling_policies" {
  description = "Further keys of the ConfigMap, with the texts that it shall hold, such as gpu_products, launch_timeout_seconds or max_batch_jobs. The scheduler refuses keys that it does not know, by name, and keeps the policies that it had."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection(keys(var.further_scheduling_policies), [
      "max_concurrent_jobs", "gpu_utilization_threshold_min", "gpu_utilization_threshold_max", "gpu_utilization_target",
      "default_priority", "default_max_runtime_seconds", "backfill_enabled", "preemption_enabled", "model_catalog",
    ])) == 0
    error_message = "further_scheduling_policies has the keys ${join(", ", keys(var.further_scheduling_policies))}: expected none that is a variable of its own."
  }
}
