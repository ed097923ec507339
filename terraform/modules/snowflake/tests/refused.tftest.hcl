# What is refused before anything is asked of Snowflake.

mock_provider "snowflake" {
  source = "./tests/mocks"
}

variables {
  environment = "TEST"
  account     = "MYORG-FIRM"
  files       = { url = "s3://firm-lake/lake/", aws_role_arn = "arn:aws:iam::123456789012:role/snowflake" }
  loader      = { public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB" }
  budget      = { monthly_credits = 20 }
}

run "names" {
  command = plan

  variables {
    name        = "moodbridge"
    environment = "test"
    account     = "FIRM"
    schema      = "PUBLIC"
    tags        = { "cost center" = "IT" }
  }

  expect_failures = [var.name, var.environment, var.account, var.schema, var.tags]
}

run "role_for_everybody" {
  command = plan

  variables {
    reader_roles = ["PUBLIC"]
    parent_role  = "PUBLIC"
  }

  expect_failures = [var.reader_roles, var.parent_role]
}

run "folder_without_its_slash" {
  command = plan

  variables {
    files = { url = "s3://firm-lake/lake", aws_role_arn = "arn:aws:iam::123456789012:role/snowflake" }
  }

  expect_failures = [var.files]
}

run "bucket_without_a_role" {
  command = plan

  variables {
    files = { url = "s3://firm-lake/lake/" }
  }

  expect_failures = [var.files]
}

run "container_without_a_tenant" {
  command = plan

  variables {
    files = { url = "azure://firm.blob.core.windows.net/lake/" }
  }

  expect_failures = [var.files]
}

run "private_key" {
  command = plan

  variables {
    loader = { public_key = "-----BEGIN PRIVATE KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB\n-----END PRIVATE KEY-----" }
  }

  expect_failures = [var.loader]
}

run "key_in_place_of_its_address" {
  command = plan

  variables {
    loader = { public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB", private_key = "MIIEvQIBADANBg" }
  }

  expect_failures = [var.loader]
}

run "the_same_key_twice" {
  command = plan

  variables {
    loader = { public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB", next_public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB" }
  }

  expect_failures = [var.loader]
}

run "addresses_of_everybody" {
  command = plan

  variables {
    loader = { public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB", allowed_ips = ["0.0.0.0/0"] }
  }

  expect_failures = [var.loader]
}

run "warehouses_without_an_end" {
  command = plan

  variables {
    loading = { suspend_seconds = 0 }
    reading = { size = "HUGE" }
    budget  = { monthly_credits = 20, suspend_percent = 120 }
  }

  expect_failures = [var.loading, var.reading, var.budget]
}

run "days" {
  command = plan

  variables {
    retention_days = 91
  }

  expect_failures = [var.retention_days]
}
