# One variable for each key of the ConfigMap cost-model: rates in US dollars an hour, and what they are multiplied by.

variable "gpu_hourly_usd" {
  description = "An hour of a GPU whose type has no rate of its own."
  type        = number
  default     = 0.25
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.gpu_hourly_usd))) && var.gpu_hourly_usd <= 1000000
    error_message = "gpu_hourly_usd is ${var.gpu_hourly_usd}: expected a number from 0 to 1000000 with at most 6 decimals."
  }
}

variable "gpu_type_hourly_usd" {
  description = "An hour of a GPU, by its type. Replaces the whole default table."
  type        = map(number)
  default     = { A100 = 0.35, V100 = 0.25, T4 = 0.15 }
  nullable    = false

  validation {
    condition     = alltrue([for type, rate in var.gpu_type_hourly_usd : type != "" && can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(rate))) && rate <= 1000000])
    error_message = "gpu_type_hourly_usd is ${jsonencode(var.gpu_type_hourly_usd)}: expected a number from 0 to 1000000 with at most 6 decimals for each GPU type."
  }
}

variable "cpu_only_hourly_usd" {
  description = "An hour of a job without a GPU, however many cores it has."
  type        = number
  default     = 0.10
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.cpu_only_hourly_usd))) && var.cpu_only_hourly_usd <= 1000000
    error_message = "cpu_only_hourly_usd is ${var.cpu_only_hourly_usd}: expected a number from 0 to 1000000 with at most 6 decimals."
  }
}

variable "cpu_core_hourly_usd" {
  description = "An hour of one core."
  type        = number
  default     = 0.05
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.cpu_core_hourly_usd))) && var.cpu_core_hourly_usd <= 1000000
    error_message = "cpu_core_hourly_usd is ${var.cpu_core_hourly_usd}: expected a number from 0 to 1000000 with at most 6 decimals."
  }
}

variable "memory_gb_hourly_usd" {
  description = "An hour of one GiB of memory."
  type        = number
  default     = 0.01
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.memory_gb_hourly_usd))) && var.memory_gb_hourly_usd <= 1000000
    error_message = "memory_gb_hourly_usd is ${var.memory_gb_hourly_usd}: expected a number from 0 to 1000000 with at most 6 decimals."
  }
}

variable "off_peak_window" {
  description = "When it is cheap: from, until, and an IANA time zone. A start after the end crosses midnight."
  type        = string
  default     = "22:00-06:00 UTC"
  nullable    = false

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00) [A-Za-z][A-Za-z0-9_+/-]*$", var.off_peak_window))
    error_message = "off_peak_window is \"${var.off_peak_window}\": expected HH:MM-HH:MM and an IANA time zone, such as 22:00-06:00 UTC."
  }
}

variable "off_peak_multiplier" {
  description = "Of every rate, inside the off-peak window."
  type        = number
  default     = 0.5
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.off_peak_multiplier))) && var.off_peak_multiplier <= 1000
    error_message = "off_peak_multiplier is ${var.off_peak_multiplier}: expected a number from 0 to 1000 with at most 6 decimals."
  }
}

variable "urgent_multiplier" {
  description = "Of every rate, for urgent jobs."
  type        = number
  default     = 1.5
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.urgent_multiplier))) && var.urgent_multiplier <= 1000
    error_message = "urgent_multiplier is ${var.urgent_multiplier}: expected a number from 0 to 1000 with at most 6 decimals."
  }
}

variable "background_multiplier" {
  description = "Of every rate, for background jobs."
  type        = number
  default     = 0.8
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.background_multiplier))) && var.background_multiplier <= 1000
    error_message = "background_multiplier is ${var.background_multiplier}: expected a number from 0 to 1000 with at most 6 decimals."
  }
}

variable "spot_multiplier" {
  description = "Of every rate, for spot jobs."
  type        = number
  default     = 0.3
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.spot_multiplier))) && var.spot_multiplier <= 1000
    error_message = "spot_multiplier is ${var.spot_multiplier}: expected a number from 0 to 1000 with at most 6 decimals."
  }
}

variable "spot_interruption_rate" {
  description = "The probability that a spot job is interrupted; it changes no price."
  type        = number
  default     = 0.05
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+(\\.[0-9]{1,6})?$", tostring(var.spot_interruption_rate))) && var.spot_interruption_rate <= 1
    error_message = "spot_interruption_rate is ${var.spot_interruption_rate}: expected a number from 0 to 1 with at most 6 decimals."
  }
}
