# A deployment to try things in can be destroyed, with a database of its own or one that exists.

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
}

variables {
  account_id         = "123456789012"
  alert_emails       = ["operator@firm.example"]
  monthly_budget_usd = 100
  identity           = { issuer = "https://login.example/", audience = ["moodbridge"] }
}

run "own_database" {
  assert {
    condition     = !output.moodbridge.protected.tables && !output.moodbridge.protected.database && !output.moodbridge.protected.buckets
    error_message = "It can be destroyed."
  }
}

run "existing_database" {
  variables {
    case_store = "postgres://ann@db.example/firm?password=secretsmanager:moodbridge-dev/database"
  }

  assert {
    condition     = output.moodbridge.case_store == "postgres://ann@db.example/firm?password=secretsmanager:moodbridge-dev/database"
    error_message = "The database that exists is used."
  }
}
