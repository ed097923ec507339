# The functions that answer over HTTP, behind one API.

locals {
  # `GET /v1/{*path}` is `GET /v1/{path+}` here.
  routes = merge([
    for name, it in local.http_functions : {
      for route in it.routes : replace(route, "/\\{\\*([a-z_]+)\\}/", "{$1+}") => {
        function = name
        # Webhooks prove themselves: by a token, a signature, a key. Health says nothing of any case.
        is_open = strcontains(route, " /hooks/") || endswith(route, "/health")
      }
    }
  ]...)
  api_host = replace(aws_apigatewayv2_api.main.api_endpoint, "https://", "")
}

resource "aws_apigatewayv2_api" "main" {
  name                         = local.prefix
  description                  = "Webhooks and the API of ${local.prefix}"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = var.api.truststore_uri != null
  tags                         = local.tags

  dynamic "cors_configuration" {
    for_each = length(var.api.cors_origins) == 0 ? [] : [1]
    content {
      allow_origins  = var.api.cors_origins
      allow_methods  = ["GET", "POST", "PUT", "PATCH", "DELETE"]
      allow_headers  = ["authorization", "content-type", "if-match", "x-correlation-id"]
      expose_headers = ["etag", "retry-after", "x-correlation-id"]
      max_age        = 600
    }
  }
}

# The function proves the token again, and decides what the person may do.
resource "aws_apigatewayv2_authorizer" "tokens" {
  name             = "tokens"
  api_id           = aws_apigatewayv2_api.main.id
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.identity.issuer
    audience = var.identity.audience
  }

  # It means nothing for tokens, though some peers of AWS give it a value.
  lifecycle {
    ignore_changes = [authorizer_payload_format_version]
  }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each = local.http_functions

  api_id                 = aws_apigatewayv2_api.main.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function[each.key].invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = min(30000, each.value.timeout_s * 1000)
}

resource "aws_apigatewayv2_route" "main" {
  #checkov:skip=CKV_AWS_309:Routes of webhooks and of health have no authoriser on purpose; all others have the JWT one.
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.main.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.function[each.value.function].id}"
  authorization_type = each.value.is_open ? "NONE" : "JWT"
  authorizer_id      = each.value.is_open ? null : aws_apigatewayv2_authorizer.tokens.id
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/${local.prefix}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
  tags              = local.tags
}

resource "aws_apigatewayv2_stage" "main" {
  api_id      = aws_apigatewayv2_api.main.id
  name        = "$default"
  auto_deploy = true
  tags        = local.tags

  default_route_settings {
    throttling_rate_limit    = var.api.requests_per_second
    throttling_burst_limit   = var.api.burst
    detailed_metrics_enabled = true
  }

  # The route and never the path: a webhook's path ends in its token.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      at                 = "$context.requestTimeEpoch"
      request_id         = "$context.requestId"
      route              = "$context.routeKey"
      status             = "$context.status"
      latency_ms         = "$context.responseLatency"
      source_ip          = "$context.identity.sourceIp"
      integration_status = "$context.integration.status"
      error              = "$context.error.messageString"
      authorizer_error   = "$context.authorizer.error"
    })
  }
}

resource "aws_lambda_permission" "api" {
  for_each = local.http_functions

  statement_id  = "its-api"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  qualifier     = module.function[each.key].alias_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.main.execution_arn}/*/*"
}

resource "aws_apigatewayv2_domain_name" "main" {
  count = var.api.domain_name == null ? 0 : 1

  domain_name = var.api.domain_name
  tags        = local.tags

  domain_name_configuration {
    certificate_arn = var.api.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  dynamic "mutual_tls_authentication" {
    for_each = var.api.truststore_uri == null ? [] : [1]
    content {
      truststore_uri = var.api.truststore_uri
    }
  }
}

resource "aws_apigatewayv2_api_mapping" "main" {
  count = var.api.domain_name == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.main.id
  domain_name = aws_apigatewayv2_domain_name.main[0].id
  stage       = aws_apigatewayv2_stage.main.id
}
