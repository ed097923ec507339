# Alarms, money, copies, the dashboard.

variable "alert_emails" {
  description = "Addresses that alarms are sent to. Each must confirm once."
  type        = list(string)
  default     = []
}

variable "has_alarms" {
  description = "Whether alarms are made. Off where a firm watches with tools of its own."
  type        = bool
  default     = true
}

variable "alarms" {
  description = "When alarms sound: the age of the oldest message, the share of a function's time limit, hours without any event, calls left of a platform's quota."
  type = object({
    oldest_message_seconds = optional(number, 300)
    slow_share             = optional(number, 0.8)
    quiet_hours            = optional(number, 1)
    calls_left             = optional(number, 1000)
  })
  default = {}

  validation {
    condition     = var.alarms.slow_share > 0 && var.alarms.slow_share <= 1 && var.alarms.quiet_hours >= 1 && var.alarms.quiet_hours <= 24
    error_message = "A share is above 0 and at most 1; quiet hours are 1 to 24."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars; null for no budget."
  type        = number
  default     = null
}

variable "cost_anomaly_usd" {
  description = "By how much the bill must differ from the usual before it is told, in US dollars; null for no watch. An account has one such watch for all its services."
  type        = number
  default     = null
}

variable "buckets" {
  description = "How long things are kept, in days: documents marked `may-expire`, reports, files for the warehouse. Whether access is logged. Whether each new document is told to the queue `new-documents`, for a tool of yours: no function reads it. Pages of which origins may send and fetch documents by link, such as `https://cases.firm.example`."
  type = object({
    documents_days          = optional(number, 3650)
    reports_days            = optional(number, 400)
    lake_days               = optional(number)
    have_logs               = optional(bool, true)
    are_documents_announced = optional(bool, false)
    cors_origins            = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for it in var.buckets.cors_origins : can(regex("^https://[^/*]+$", it))])
    error_message = "Write each origin as https://HOST, without a path."
  }
}

variable "replica_region" {
  description = "The region that documents are copied to; null for none. It must be that of the provider `aws.replica`."
  type        = string
  default     = null
}

variable "has_dashboard" {
  description = "Whether the dashboard is served by CloudFront."
  type        = bool
  default     = true
}

variable "dashboard" {
  description = "The dashboard's own name and its certificate (in us-east-1), a web ACL that exists or the making of one, and from how many requests an address is held back within five minutes."
  type = object({
    domain_name     = optional(string)
    certificate_arn = optional(string)
    web_acl_arn     = optional(string)
    has_firewall    = optional(bool, false)
    requests_per_5m = optional(number, 2000)
    price_class     = optional(string, "PriceClass_100")
  })
  default = {}

  validation {
    condition     = (var.dashboard.domain_name == null) == (var.dashboard.certificate_arn == null)
    error_message = "A name needs its certificate."
  }
}

variable "has_backups" {
  description = "Whether AWS Backup copies database, tables and documents, besides their own point-in-time recovery."
  type        = bool
  default     = true
}

variable "backups" {
  description = "How long daily and monthly copies are kept, in days, and whether nobody can delete them earlier (`lock_days`, the least time; it cannot be taken back after three days)."
  type = object({
    daily_days   = optional(number, 35)
    monthly_days = optional(number, 400)
    lock_days    = optional(number)
  })
  default = {}

  validation {
    condition     = var.backups.monthly_days >= 120 && var.backups.daily_days >= 1
    error_message = "Monthly copies lie in cold storage for 90 days at least, after 30 days: write 120 or more."
  }
}
