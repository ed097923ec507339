# Nothing of the firm's deployment is destroyed by accident.

mock_provider "aws" {
  source = "../../modules/aws/tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../../modules/aws/tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "../../modules/aws/tests/mocks"

  override_data {
    target = module.moodbridge.data.aws_region.replica
    values = { name = "eu-central-1" }
  }
}

variables {
  account_id         = "123456789012"
  alert_emails       = ["operator@firm.example"]
  monthly_budget_usd = 400
  identity           = { issuer = "https://login.example/", audience = ["moodbridge"] }
}

run "protected" {
  assert {
    condition     = output.moodbridge.protected.tables && output.moodbridge.protected.database && output.moodbridge.protected.buckets
    error_message = "Tables, database and buckets refuse to be destroyed."
  }

  assert {
    condition     = startswith(output.moodbridge.case_store, "postgres://moodbridge@") && !strcontains(output.moodbridge.case_store, "hunter")
    error_message = "The address of the case store names a secret."
  }
}
