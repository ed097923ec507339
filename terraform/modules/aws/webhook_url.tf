# Webhook intake at an address of its own, for senders that should not pass the API.

resource "aws_lambda_function_url" "webhooks" {
  #checkov:skip=CKV_AWS_258:Salesforce cannot sign requests for AWS; the function proves each sender itself.
  count = var.has_webhook_url ? 1 : 0

  function_name      = module.function["webhook-intake"].name
  qualifier          = module.function["webhook-intake"].alias_name
  authorization_type = "NONE"
}

# A URL of its own needs both since October 2025. Source: AWS Lambda developer guide, "Control access to
# Lambda function URLs".
resource "aws_lambda_permission" "webhooks_by_url" {
  #checkov:skip=CKV_AWS_301:A webhook's address is open to all; the function proves each sender itself.
  #checkov:skip=CKV_AWS_364:A function URL has no source ARN.
  count = var.has_webhook_url ? 1 : 0

  statement_id           = "anybody-by-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = module.function["webhook-intake"].name
  qualifier              = module.function["webhook-intake"].alias_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

# This version of the provider cannot say `lambda:InvokedViaFunctionUrl`: any AWS account may call the
# function directly too. It believes no sender more for that, and knows no event but a request.
resource "aws_lambda_permission" "webhooks_through_url" {
  #checkov:skip=CKV_AWS_301:A webhook's address is open to all; the function proves each sender itself.
  #checkov:skip=CKV_AWS_364:A function URL has no source ARN.
  count = var.has_webhook_url ? 1 : 0

  statement_id  = "anybody-through-url"
  action        = "lambda:InvokeFunction"
  function_name = module.function["webhook-intake"].name
  qualifier     = module.function["webhook-intake"].alias_name
  principal     = "*"
}
