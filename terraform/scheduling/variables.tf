# The namespace, its bounds, and the priority classes. The ConfigMaps' keys: policies.tf and cost_model.tf.

variable "namespace" {
  description = "The namespace that training pods run in. It names the quotas and the limit range too."
  type        = string
  default     = "ml-training"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,44}[a-z0-9])?$", var.namespace))
    error_message = "namespace is \"${var.namespace}\": expected 1 to 46 of a-z, 0-9 and -, with neither end a -."
  }
}

variable "create_priority_classes" {
  description = "Whether to create the classes urgent, normal and background. They belong to the whole cluster: false where another namespace's Oppen has created them."
  type        = bool
  default     = true
  nullable    = false
}

variable "priority_values" {
  description = "The value of each priority class. Kubernetes changes no class's value: a class with a new one is deleted and created anew, and meanwhile no pod of it can be created."
  type = object({
    urgent     = optional(number, 1000)
    normal     = optional(number, 100)
    background = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.priority_values) : value == floor(value) && abs(value) <= 1000000000])
    error_message = "priority_values is ${jsonencode(var.priority_values)}: expected whole numbers from -1000000000 to 1000000000."
  }
  validation {
    condition     = var.priority_values.urgent > var.priority_values.normal && var.priority_values.normal > var.priority_values.background
    error_message = "priority_values is ${jsonencode(var.priority_values)}: expected urgent above normal above background."
  }
}

variable "normal_is_global_default" {
  description = "Whether pods of the whole cluster that name no class get normal. A cluster has one such class: false where there is another."
  type        = bool
  default     = true
  nullable    = false
}

variable "quota" {
  description = "What all training pods together may hold. A job that does not fit waits in the queue."
  type = object({
    gpus   = optional(number, 2)
    cpu    = optional(string, "16")
    memory = optional(string, "32Gi")
    pods   = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.quota.gpus >= 0 && var.quota.gpus == floor(var.quota.gpus)
    error_message = "quota.gpus is ${var.quota.gpus}: expected a whole number of 0 or more."
  }
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?m?$", var.quota.cpu))
    error_message = "quota.cpu is \"${var.quota.cpu}\": expected cores, such as 16 or 500m."
  }
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$", var.quota.memory))
    error_message = "quota.memory is \"${var.quota.memory}\": expected an amount of memory, such as 32Gi."
  }
  validation {
    condition     = var.quota.pods >= 1 && var.quota.pods == floor(var.quota.pods)
    error_message = "quota.pods is ${var.quota.pods}: expected a whole number of 1 or more."
  }
}

variable "background_quota" {
  description = "What background pods may hold of the quota."
  type = object({
    gpus   = optional(number, 1)
    memory = optional(string, "4Gi")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.background_quota.gpus >= 0 && var.background_quota.gpus == floor(var.background_quota.gpus) && var.background_quota.gpus <= var.quota.gpus
    error_message = "background_quota.gpus is ${var.background_quota.gpus}: expected a whole number from 0 to quota.gpus (${var.quota.gpus})."
  }
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$", var.background_quota.memory))
    error_message = "background_quota.memory is \"${var.background_quota.memory}\": expected an amount of memory, such as 4Gi."
  }
}

variable "pod_limit" {
  description = "The most that one pod may have. A job that wants more is refused at once."
  type = object({
    gpus   = optional(number, 1)
    cpu    = optional(string, "8")
    memory = optional(string, "16Gi")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.pod_limit.gpus >= 0 && var.pod_limit.gpus == floor(var.pod_limit.gpus)
    error_message = "pod_limit.gpus is ${var.pod_limit.gpus}: expected a whole number of 0 or more."
  }
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?m?$", var.pod_limit.cpu))
    error_message = "pod_limit.cpu is \"${var.pod_limit.cpu}\": expected cores, such as 8 or 500m."
  }
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$", var.pod_limit.memory))
    error_message = "pod_limit.memory is \"${var.pod_limit.memory}\": expected an amount of memory, such as 16Gi."
  }
}

variable "container_default" {
  description = "What a container gets that asks for nothing, as its request and as its limit."
  type = object({
    cpu    = optional(string, "500m")
    memory = optional(string, "256Mi")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?m?$", var.container_default.cpu))
    error_message = "container_default.cpu is \"${var.container_default.cpu}\": expected cores, such as 500m."
  }
  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$", var.container_default.memory))
    error_message = "container_default.memory is \"${var.container_default.memory}\": expected an amount of memory, such as 256Mi."
  }
}
