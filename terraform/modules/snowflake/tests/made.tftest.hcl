# What is made for S3 and for Azure, and who may do what.

mock_provider "snowflake" {
  source = "./tests/mocks"
}

variables {
  environment = "TEST"
  account     = "MYORG-FIRM"
  files       = { url = "s3://firm-lake/lake/", aws_role_arn = "arn:aws:iam::123456789012:role/snowflake" }
  loader = {
    public_key  = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fTayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dRkymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLBHoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7cTbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZMXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIBiwIDAQAB"
    private_key = "secretsmanager:moodbridge-test/snowflake-key"
  }
  budget = { monthly_credits = 20 }
}

run "files_in_s3" {
  assert {
    condition     = output.aws_trust == { iam_user_arn = "arn:aws:iam::999999999999:user/abc1-b-self1234", external_id = "FIRM_SFCRole=1_abc" } && output.azure_consent == null
    error_message = "It tells whom the role must trust."
  }

  assert {
    condition     = snowflake_storage_integration_aws.files[0].storage_allowed_locations == toset(["s3://firm-lake/lake/"]) && snowflake_storage_integration_aws.files[0].storage_provider == "S3" && length(snowflake_storage_integration_azure.files) == 0
    error_message = "Snowflake reads one folder and nothing beside it."
  }

  assert {
    condition     = snowflake_stage_external_s3.files[0].url == "s3://firm-lake/lake/" && snowflake_stage_external_s3.files[0].storage_integration == "MOODBRIDGE_TEST_FILES" && length(snowflake_stage_external_s3.files[0].credentials) == 0
    error_message = "The stage reads by the integration, without a key of its own."
  }

  assert {
    condition     = output.address == "snowflake://MYORG-FIRM/MOODBRIDGE_TEST/LEGAL?user=MOODBRIDGE_TEST_LOADER&private_key=secretsmanager%3Amoodbridge-test%2Fsnowflake-key&warehouse=MOODBRIDGE_TEST_LOADING&role=MOODBRIDGE_TEST_LOADER&stage=FILES"
    error_message = "The address is as wiring takes it: ${output.address}"
  }
}

run "limits" {
  assert {
    condition     = snowflake_warehouse.main["loading"].auto_suspend == 60 && snowflake_warehouse.main["loading"].statement_timeout_in_seconds == 3600 && snowflake_warehouse.main["loading"].statement_queued_timeout_in_seconds == 600 && snowflake_warehouse.main["loading"].initially_suspended
    error_message = "A warehouse sleeps soon, and nothing runs or waits without end."
  }

  assert {
    condition     = snowflake_resource_monitor.main.notify_triggers == toset([80]) && snowflake_resource_monitor.main.suspend_trigger == 100 && snowflake_resource_monitor.main.suspend_immediate_trigger == 110 && snowflake_resource_monitor.main.credit_quota == 20
    error_message = "Somebody is told at 80 %, it stops at 100 % and at once at 110 %."
  }

  assert {
    condition     = snowflake_warehouse.main["loading"].resource_monitor == snowflake_resource_monitor.main.fully_qualified_name
    error_message = "The monitor watches the warehouse."
  }
}

run "rights" {
  assert {
    condition     = snowflake_grant_database_role.credits[0].database_role_name == "\"SNOWFLAKE\".\"USAGE_VIEWER\"" && snowflake_grant_database_role.credits[0].parent_role_name == "MOODBRIDGE_TEST_LOADER"
    error_message = "The loader may read what its statements used."
  }

  assert {
    condition = { for name, it in snowflake_grant_privileges_to_account_role.future : name => join(" ", sort(it.privileges)) } == {
      loader_tables = "DELETE INSERT SELECT UPDATE"
      reader_tables = "SELECT"
      reader_views  = "SELECT"
    }
    error_message = "The loader writes, and readers read."
  }

  assert {
    condition     = alltrue([for name, it in snowflake_grant_privileges_to_account_role.future : it.account_role_name == "MOODBRIDGE_TEST_${upper(split("_", name)[0])}"]) && alltrue([for name, it in snowflake_grant_privileges_to_account_role.schema : it.account_role_name == "MOODBRIDGE_TEST_${upper(split("_", name)[0])}"])
    error_message = "Each right is one of the role that its name tells."
  }

  assert {
    condition = { for name, it in snowflake_grant_privileges_to_account_role.schema : name => join(" ", sort(it.privileges)) } == {
      loader_tables = "CREATE TABLE USAGE"
      reader_tables = "USAGE"
    }
    error_message = "Only the loader makes tables."
  }

  assert {
    condition     = keys(snowflake_grant_privileges_to_account_role.warehouse) == ["loading"] && snowflake_grant_privileges_to_account_role.warehouse["loading"].account_role_name == "MOODBRIDGE_TEST_LOADER"
    error_message = "The loader's warehouse is its own."
  }

  assert {
    condition     = snowflake_grant_privileges_to_account_role.stage.account_role_name == "MOODBRIDGE_TEST_LOADER"
    error_message = "Only the loader reads files."
  }

  assert {
    condition     = snowflake_schema.tables.with_managed_access == "true" && snowflake_database.main.drop_public_schema_on_creation
    error_message = "Nobody gives rights away, and there is no schema that everybody may use."
  }

  assert {
    condition     = { for name, it in snowflake_grant_account_role.parent : name => it.parent_role_name } == { loader = "SYSADMIN", reader = "SYSADMIN" } && length(snowflake_grant_account_role.readers) == 0
    error_message = "Administrators see both roles, and nobody else has one."
  }
}

run "user" {
  assert {
    condition     = snowflake_service_user.loader.rsa_public_key == var.loader.public_key && snowflake_service_user.loader.rsa_public_key_2 == null && snowflake_service_user.loader.default_secondary_roles_option == "NONE"
    error_message = "The user has one key and one role."
  }

  assert {
    condition     = length(snowflake_network_policy.loader) == 0
    error_message = "Without addresses there is no policy."
  }
}

run "key_that_is_rotated_and_addresses" {
  variables {
    loader = {
      public_key      = <<-KEY
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3PibGg1UeYdQGTbIe4fT
        ayGyRUv6z1u0pVXBgGdkPKVYRLPWTJw7IGIIrBFjlcxaf0vbADXNH7OnmHLvx5dR
        kymVtoKpMhmgv9dybAIv3Mo7JhmCkyUw1/3izqZKzh5uaCXQnc59XiN5vXaujRLB
        HoHlOlhbSbr7qxTcjCp/JtGlIT+uQ7892WXIEjR7wfnxVwy7RTONO3G8xHfNkw7c
        TbJVRfuaMvXTy+XFDX+bTbeg4ey80djVkGV+kv0DRqViCqD8YlAAuDpEZDIbr1qZ
        MXQaisnR0vcwjeH1IIBRISxyKJkHgmCnecQ96aOYH1JTBLSY+Xmz/6YL8jZ9sHIB
        iwIDAQAB
        -----END PUBLIC KEY-----
      KEY
      next_public_key = "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAxvKzj+I5K0keXpeo68S8mv206GBXN51U/VRDeievzZQ3L3YnVdcYK+3D10Xrze2xOn/fNzPouXmhbTKbWzbQkPIcRLnnfFe1U8CdX+lvHb+zaJqDqAnFcKWPztRWbJuh35KY6jV3OAm5fQMteZFKOXZfMHZsPAagIiHplEXOmRnHFwQIf6Nxo+CWwixPSnLZqzYrTjcKjPA7WDiXmZRbF+5JfdrMNou2eHx23/cHyXBDFqqimH23o2UO2M6++F6MAkEKwdG1WWHfSD9Fws5s/JBOAsp6xYniv/lBjrmYzafI4E/zHDubEj6PyYwBLrACzoipeK/fXFkCnpZGBxhMxFcCXAnIiNArqh6A7sBob3Lz3AP0iEU9LKQrXsSnq/gt5ksNcpXjWZGuk8VPA8apWB2PQZDJ+/OMgQQeInUCLC1HKqJ6GwPYNBtbVBE/HUI6v0kR1LO8YiUwtonGbHO5EHLimZnLFpHh26Z7490NFjl/I4F+x0ipqrtDr8VvrcMjAgMBAAE="
      allowed_ips     = ["203.0.113.0/28", "203.0.113.200"]
    }
  }

  assert {
    condition     = startswith(snowflake_service_user.loader.rsa_public_key, "MIIBIjANBg") && !strcontains(snowflake_service_user.loader.rsa_public_key, "-") && !strcontains(snowflake_service_user.loader.rsa_public_key, "\n")
    error_message = "A key in PEM loses its frame."
  }

  assert {
    condition     = snowflake_service_user.loader.rsa_public_key_2 == var.loader.next_public_key
    error_message = "Both keys are known while they are rotated."
  }

  assert {
    condition     = snowflake_network_policy.loader[0].allowed_ip_list == toset(["203.0.113.0/28", "203.0.113.200"]) && snowflake_service_user.loader.network_policy == snowflake_network_policy.loader[0].fully_qualified_name
    error_message = "The user signs in from these addresses alone."
  }
}

run "readers_with_a_warehouse_and_tags" {
  variables {
    may_create_tables = false
    reader_roles      = ["ANALYST"]
    reading           = { size = "SMALL" }
    tags              = { COST_CENTER = "IT" }
  }

  assert {
    condition     = snowflake_grant_privileges_to_account_role.warehouse["reading"].account_role_name == "MOODBRIDGE_TEST_READER" && snowflake_warehouse.main["reading"].statement_timeout_in_seconds == 600 && snowflake_warehouse.main["reading"].resource_monitor == snowflake_resource_monitor.main.fully_qualified_name
    error_message = "Readers have a warehouse with limits of its own under the same budget."
  }

  assert {
    condition     = snowflake_grant_account_role.readers["ANALYST"].parent_role_name == "ANALYST" && snowflake_grant_account_role.readers["ANALYST"].role_name == "MOODBRIDGE_TEST_READER"
    error_message = "The firm's role may read."
  }

  assert {
    condition     = snowflake_grant_privileges_to_account_role.schema["loader_tables"].privileges == toset(["USAGE"])
    error_message = "The loader creates no table."
  }

  assert {
    condition     = snowflake_tag_association.warehouses["COST_CENTER"].tag_value == "IT" && length(snowflake_tag_association.warehouses["COST_CENTER"].object_identifiers) == 2 && snowflake_tag_association.database["COST_CENTER"].object_type == "DATABASE"
    error_message = "Database and warehouses carry the tag."
  }
}

run "files_in_azure" {
  variables {
    files = { url = "azure://firm.blob.core.windows.net/lake/", azure_tenant_id = "11111111-2222-3333-4444-555555555555" }
  }

  assert {
    condition     = output.azure_consent == { url = "https://login.microsoftonline.com/consent", application = "snowflakepacint_1" } && output.aws_trust == null && length(snowflake_storage_integration_aws.files) == 0
    error_message = "It tells where an administrator lets Snowflake in."
  }

  assert {
    condition     = snowflake_grant_privileges_to_account_role.stage.on_schema_object[0].object_name == snowflake_stage_external_azure.files[0].fully_qualified_name
    error_message = "The loader reads the stage in Azure."
  }
}
