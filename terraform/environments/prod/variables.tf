# What differs between firms. Write them into terraform.tfvars; terraform.tfvars.example shows how.

variable "account_id" {
  description = "Number of the AWS account."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Write the twelve digits of the account."
  }
}

variable "region" {
  description = "Region that everything runs in."
  type        = string
  default     = "eu-west-1"
}

variable "replica_region" {
  description = "Another region, for copies of documents."
  type        = string
  default     = "eu-central-1"
}

variable "zones" {
  description = "Availability zones of the network."
  type        = list(string)
  default     = ["eu-west-1a", "eu-west-1b"]
}

variable "artefacts_folder" {
  description = "The folder with one NAME.zip for each function."
  type        = string
  default     = "../../../target/lambda-zips"
}

variable "functions" {
  description = "What is special about one function, such as `{ sync-worker = { live_version = \"7\" } }` to roll back."
  type        = any
  default     = {}
}

variable "environment_variables" {
  description = "Further environment variables of every function."
  type        = map(string)
  default     = {}
}

variable "are_schedules_on" {
  description = "Whether schedules start their functions. Leave it off until secrets hold values and the tables are made."
  type        = bool
  default     = false
}

variable "identity" {
  description = "Who proves people, see docs/identity.md."
  type        = any
}

variable "connections" {
  description = "The connections, see docs/settings.md."
  type        = any
  default     = []
}

variable "intake" {
  description = "Who may send webhooks, see docs/webhooks.md."
  type        = any
  default     = {}
}

variable "secrets" {
  description = "Names of secrets to make; their values are put in by hand."
  type        = list(string)
  default     = []
}

variable "api" {
  description = "Limits and names of the API."
  type        = any
  default     = {}
}

variable "event_relay" {
  description = "A partner event source of Salesforce."
  type        = any
  default     = null
}

variable "dashboard" {
  description = "Name and certificate of the dashboard."
  type        = any
  default     = {}
}

variable "alert_emails" {
  description = "Addresses that alarms are sent to."
  type        = list(string)
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
}

variable "cost_anomaly_usd" {
  description = "By how much the bill must differ from the usual before it is told, in US dollars; null where the account has such a watch."
  type        = number
  default     = 50
}

variable "database_max_capacity" {
  description = "Most capacity of the database, in Aurora capacity units of 2 GiB each."
  type        = number
  default     = 8
}

variable "database_root_certificate" {
  description = "Path of AWS's root certificates within the packages, such as /var/task/rds-ca.pem. Without it the database's certificate is not proved."
  type        = string
  default     = null
}
