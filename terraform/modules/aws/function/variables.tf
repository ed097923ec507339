# What one function is given.

variable "name" {
  description = "Name of the function in AWS, such as `moodbridge-dev-sync-worker`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{1,64}$", var.name))
    error_message = "Write up to 64 lower-case letters, digits and dashes."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "zip" {
  description = "The package: a zip that holds the binary under the name `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "The processor that the package is built for."
  type        = string

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Write `arm64` or `x86_64`."
  }
}

variable "memory_mb" {
  description = "Memory in MiB; processor time grows with it."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "Lambda gives 128 to 10240 MiB."
  }
}

variable "timeout_s" {
  description = "How long one invocation may take, in seconds."
  type        = number

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900
    error_message = "Lambda gives 1 to 900 seconds."
  }
}

variable "reserved_concurrency" {
  description = "How many may run at once; -1 leaves it to the account's limit."
  type        = number
  default     = -1
}

variable "live_version" {
  description = "The version that `live` points to; the newest when it is null. Naming an older one rolls back."
  type        = string
  default     = null
}

variable "environment" {
  description = "The environment variables. They name secrets, they never hold one."
  type        = map(string)
  default     = {}
}

variable "statements" {
  description = "What the function may do besides writing its own log: IAM statements."
  type = list(object({
    Sid       = string
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
  default = []
}

variable "is_started_by_events" {
  description = "Whether events start it without waiting for its answer, as schedules do."
  type        = bool
  default     = false
}

variable "network" {
  description = "Subnets and security groups; null outside a VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
    subnet_arns        = list(string)
    group_arns         = list(string)
  })
  default = null
}

variable "kms_key_arn" {
  description = "The key that its environment and its log are sealed with."
  type        = string
}

variable "log_retention_days" {
  description = "How long its log is kept, in days."
  type        = number
}

variable "code_signing_config_arn" {
  description = "A signing configuration that packages must pass; null takes any."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything in it."
  type        = map(string)
  default     = {}
}
