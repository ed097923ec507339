# What one bucket is given.

variable "name" {
  description = "Name of the bucket, which must be free in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "Write 3 to 63 lower-case letters, digits and dashes."
  }
}

variable "kms_key_arn" {
  description = "The key that its objects are sealed with; null for a key of S3's own."
  type        = string
}

variable "expire_days" {
  description = "After how many days objects are deleted; null keeps them."
  type        = number
  default     = null
}

variable "expire_tag" {
  description = "Only objects that carry this tag are deleted; null means all. An object without it is kept for ever."
  type        = object({ key = string, value = string })
  default     = null
}

variable "noncurrent_days" {
  description = "For how many days a replaced or deleted version is kept."
  type        = number
  default     = 90
}

variable "archive_days" {
  description = "After how many days objects move to cheaper storage; null leaves them."
  type        = number
  default     = null
}

variable "has_object_lock" {
  description = "Whether single versions can be put under a legal hold. It can be chosen only when the bucket is made."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether the bucket may be destroyed with what it holds."
  type        = bool
  default     = false
}

variable "log_bucket" {
  description = "The bucket that takes its access log; null for none."
  type        = object({ name = string })
  default     = null
}

variable "is_tls_only" {
  description = "Whether it refuses plain HTTP."
  type        = bool
  default     = true
}

variable "statements" {
  description = "Statements of its policy besides that it takes TLS only."
  type        = any
  default     = []
}

variable "cors_origins" {
  description = "Origins whose pages may put and get objects by signed links."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything in it."
  type        = map(string)
  default     = {}
}
