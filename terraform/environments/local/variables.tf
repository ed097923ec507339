# What the local environment is given. `scripts/test-terraform` sets it.

variable "region" {
  description = "A region; the peer knows them all."
  type        = string
  default     = "us-east-1"
}

variable "replica_region" {
  description = "Another region."
  type        = string
  default     = "us-west-2"
}

variable "artefacts_folder" {
  description = "The folder with one NAME.zip for each function."
  type        = string
}

variable "architecture" {
  description = "This machine's processor: the peer runs the packages on it."
  type        = string
  default     = "x86_64"
}

variable "case_store" {
  description = "Address of a PostgreSQL database on this machine."
  type        = string
  default     = "postgres://moodbridge@localhost/moodbridge"
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

variable "identity" {
  description = "Who proves people, see docs/identity.md."
  type        = any
  default     = { issuer = "https://login.example", audience = ["moodbridge"] }
}

variable "secrets" {
  description = "Made-up secrets by their short names."
  type        = map(string)
  default     = {}
}

variable "environment_variables" {
  description = "Further environment variables of every function."
  type        = map(string)
  default     = {}
}

variable "are_schedules_on" {
  description = "Whether schedules start their functions."
  type        = bool
  default     = false
}

variable "has_alarms" {
  description = "Whether alarms are made, see README.md."
  type        = bool
  default     = false
}

variable "has_network" {
  description = "Whether a network is made, see README.md."
  type        = bool
  default     = false
}

variable "has_cost_watch" {
  description = "Whether unusual costs are watched, see README.md."
  type        = bool
  default     = false
}
