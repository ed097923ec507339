# What the functions are given.

variable "functions_file" {
  description = "The list of functions, as `cargo xtask flow` writes it; by default terraform/functions.json."
  type        = string
  default     = null
}

variable "artefacts_folder" {
  description = "The folder with one NAME.zip for each function, each holding its binary as `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "The processor that the packages are built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Write `arm64` or `x86_64`."
  }
}

variable "functions" {
  description = "What is special about one function, by its name. `live_version` pins the version that is called, which is how one rolls back."
  type = map(object({
    memory_mb            = optional(number)
    reserved_concurrency = optional(number)
    schedule             = optional(string)
    live_version         = optional(string)
    environment          = optional(map(string), {})
  }))
  default = {}

  validation {
    condition     = alltrue([for it in values(var.functions) : it.schedule == null || can(regex("^(rate|cron)\\(.+\\)$", it.schedule))])
    error_message = "A schedule is `rate(5 minutes)` or `cron(0 3 * * ? *)`."
  }

  validation {
    condition     = try(var.functions["delta-poller"].reserved_concurrency, null) == null || try(var.functions["delta-poller"].reserved_concurrency, 1) == 1
    error_message = "Two runs of delta-poller would hinder each other: its limit is 1."
  }
}

variable "environment_variables" {
  description = "Further environment variables of every function, such as `LOG_LEVEL` or `OTEL_EXPORTER_OTLP_ENDPOINT`."
  type        = map(string)
  default     = {}
}

variable "are_schedules_on" {
  description = "Whether schedules start their functions. Off while a deployment is being filled or repaired."
  type        = bool
  default     = true
}

variable "code_signing_config_arn" {
  description = "A signing configuration that packages must pass; null takes any."
  type        = string
  default     = null
}

variable "queues" {
  description = "How queues behave: after how many attempts a message is dead, how long messages are kept, and how many batches are worked on at once."
  type = object({
    max_receive_count   = optional(number, 12)
    retention_days      = optional(number, 14)
    batch_size          = optional(number, 10)
    maximum_concurrency = optional(number, 4)
    max_message_bytes   = optional(number, 262144)
  })
  default = {}

  validation {
    condition     = var.queues.max_receive_count >= 5
    error_message = "A message must be tried five times at least, so that a platform's short failure kills none."
  }

  validation {
    condition     = var.queues.retention_days >= 1 && var.queues.retention_days <= 14
    error_message = "SQS keeps messages for 1 to 14 days."
  }

  validation {
    condition     = var.queues.batch_size >= 1 && var.queues.batch_size <= 10 && var.queues.maximum_concurrency >= 2 && var.queues.maximum_concurrency <= 1000
    error_message = "A batch holds 1 to 10 messages; 2 to 1000 batches are worked on at once."
  }
}

variable "are_batches_named" {
  description = "Whether roles name the batch actions of SQS besides the plain ones. AWS knows the plain ones only; a peer may ask for both."
  type        = bool
  default     = false
}

variable "is_tls_only" {
  description = "Whether queues and buckets refuse plain HTTP. Off only against a peer on this machine, which speaks nothing else."
  type        = bool
  default     = true
}

variable "api" {
  description = "How the HTTP API answers: requests a second and in a burst, pages of other origins that may read it, a name of its own, and the store of certificates that callers must show there."
  type = object({
    requests_per_second = optional(number, 100)
    burst               = optional(number, 200)
    cors_origins        = optional(list(string), [])
    domain_name         = optional(string)
    certificate_arn     = optional(string)
    truststore_uri      = optional(string)
  })
  default = {}

  validation {
    condition     = (var.api.domain_name == null) == (var.api.certificate_arn == null)
    error_message = "A name needs its certificate."
  }

  validation {
    condition     = var.api.truststore_uri == null || var.api.domain_name != null
    error_message = "Callers show certificates only under a name of its own."
  }
}

variable "has_webhook_url" {
  description = "Whether webhook intake has a function URL besides the API: fewer parts on the way, and nothing that throttles."
  type        = bool
  default     = false
}

variable "event_relay" {
  description = "A partner event source of Salesforce (Event Relay), the connection whose events it brings, and the secret with the key that intake takes them by: `INTAKE` must list it under `api_key`."
  type = object({
    event_source_name = string
    connection        = string
    key_secret        = string
  })
  default = null

  validation {
    condition     = var.event_relay == null ? true : startswith(var.event_relay.event_source_name, "aws.partner/salesforce.com/")
    error_message = "Write the name of the partner event source, such as aws.partner/salesforce.com/00D…/0YL…."
  }
}
