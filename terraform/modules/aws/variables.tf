# What a deployment is given. Only what differs between firms and environments is here.

variable "name" {
  description = "First part of every name."
  type        = string
  default     = "moodbridge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "Write 2 to 20 lower-case letters, digits and dashes, a letter first."
  }
}

variable "environment" {
  description = "Second part of every name: `dev`, `prod` or another."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,9}$", var.environment))
    error_message = "Write up to 10 lower-case letters and digits, a letter first."
  }
}

variable "tags" {
  description = "Tags of everything, besides `application` and `environment`."
  type        = map(string)
  default     = {}
}

variable "is_protected" {
  description = "Whether database, tables and buckets refuse to be destroyed."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096 or more days."
  }
}

variable "identity" {
  description = "Who proves people: the issuer of the firm's tokens and whom they are meant for, see docs/identity.md."
  type = object({
    issuer              = string
    audience            = list(string)
    roles_claim         = optional(string)
    roles               = optional(map(string), {})
    person_claim        = optional(string)
    dashboard_client_id = optional(string)
    dashboard_scopes    = optional(list(string), ["openid", "profile"])
  })

  validation {
    condition     = can(regex("^https?://", var.identity.issuer)) && length(var.identity.audience) > 0
    error_message = "Write the issuer as its tokens do, such as https://login.example/, and at least one audience."
  }
}

variable "connections" {
  description = "The connections, as `[[connections]]` holds them, see docs/settings.md. Secrets are addresses: `secretsmanager:NAME`."
  type        = any
  default     = []

  validation {
    condition     = can([for it in var.connections : it.platform])
    error_message = "Write a list of connections, each with its `platform`."
  }
}

variable "intake" {
  description = "Who may send webhooks, as `[intake]` holds it, see docs/webhooks.md. Secrets are addresses: `secretsmanager:NAME`."
  type        = any
  default     = {}
}

variable "secrets" {
  description = "Names of secrets to make, without values. `salesforce` becomes NAME-ENVIRONMENT/salesforce, which settings call `secretsmanager:NAME-ENVIRONMENT/salesforce`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for it in var.secrets : can(regex("^[a-z0-9][a-z0-9/-]*$", it))])
    error_message = "Write lower-case letters, digits, dashes and slashes."
  }
}

variable "case_store" {
  description = "Address of a PostgreSQL database that exists, such as `postgres://moodbridge@db.example/moodbridge?password=secretsmanager:NAME`. Null when `database` makes one."
  type        = string
  default     = null

  validation {
    condition     = var.case_store == null || can(regex("^postgres(ql)?://[^:@/]+@", var.case_store))
    error_message = "Write postgres://USER@HOST/DATABASE?password=secretsmanager:NAME, never a password."
  }
}

variable "database" {
  description = "An Aurora PostgreSQL of our own, in `network`. Null when `case_store` names one that exists."
  type = object({
    engine_version   = optional(string, "16.6")
    min_capacity     = optional(number, 0.5)
    max_capacity     = optional(number, 4)
    n_instances      = optional(number, 1)
    backup_days      = optional(number, 14)
    root_certificate = optional(string)
  })
  default = null

  validation {
    condition     = var.database == null ? true : var.database.n_instances >= 1 && var.database.backup_days >= 1 && var.database.min_capacity <= var.database.max_capacity
    error_message = "At least one instance, one day of backups, and no more least than most capacity."
  }

  validation {
    condition     = (var.database == null) != (var.case_store == null)
    error_message = "Set either `database` or `case_store`."
  }

  validation {
    condition     = var.database == null || var.network != null
    error_message = "A database of our own needs `network`."
  }
}

variable "network" {
  description = "A VPC of our own for the functions that reach the database. Its NAT gateways, one or one a zone, lead to Salesforce."
  type = object({
    cidr           = optional(string, "10.42.0.0/16")
    zones          = list(string)
    n_nat_gateways = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.network == null ? true : length(var.network.zones) >= 2 && can(cidrhost(var.network.cidr, 0))
    error_message = "Write a CIDR block and at least two zones."
  }

  validation {
    condition     = var.network == null || var.existing_network == null
    error_message = "Set `network` or `existing_network`, not both."
  }
}

variable "existing_network" {
  description = "Subnets and security groups that exist, for the functions that reach the database. They must reach the platforms too."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}
