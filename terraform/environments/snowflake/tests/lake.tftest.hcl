# Snowflake reads one folder of one bucket, under the id that it told.

mock_provider "snowflake" {
  source = "../../modules/snowflake/tests/mocks"
}

mock_provider "aws" {
  override_data {
    target = data.aws_partition.here
    values = { partition = "aws" }
  }
}

variables {
  account_id  = "123456789012"
  environment = "dev"
  lake        = { bucket = "firm-lake", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1" }
  snowflake   = { organization = "MYORG", account = "FIRM" }
  loader      = { public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB" }
  budget      = { monthly_credits = 20 }
}

run "trust" {
  assert {
    condition     = jsondecode(aws_iam_role.snowflake.assume_role_policy).Statement[0].Principal.AWS == "arn:aws:iam::999999999999:user/abc1-b-self1234" && jsondecode(aws_iam_role.snowflake.assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"] == "FIRM_SFCRole=1_abc"
    error_message = "The role trusts Snowflake's user under our id alone."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role_policy.lake.policy).Statement) == 4 && jsondecode(aws_iam_role_policy.lake.policy).Statement[0].Resource == "arn:aws:s3:::firm-lake/lake/*" && !strcontains(aws_iam_role_policy.lake.policy, "Put") && !strcontains(aws_iam_role_policy.lake.policy, "Delete")
    error_message = "It reads the folder and writes nothing."
  }

  assert {
    condition     = output.snowflake.connection.database == "MOODBRIDGE_DEV" && output.snowflake.connection.account == "MYORG-FIRM"
    error_message = "Names carry the environment."
  }
}
