# The dashboard: a private bucket behind CloudFront, which hands /v1 and /api on to the API, so that the
# page and what it reads are of one origin.

locals {
  dashboard_arns = [for it in aws_cloudfront_distribution.dashboard : it.arn]

  dashboard_statements = var.has_dashboard ? [
    {
      Sid       = "OurDistribution"
      Effect    = "Allow"
      Principal = { Service = "cloudfront.amazonaws.com" }
      Action    = "s3:GetObject"
      Resource  = "arn:${local.partition}:s3:::${local.prefix}-dashboard-${local.account}/*"
      Condition = { StringEquals = { "aws:SourceArn" = local.dashboard_arns } }
    },
  ] : []

  # The same as `src/dashboard.rs` sends, but for what the page may call: its own origin and the issuer.
  content_policy = join("; ", [
    "default-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:",
    "connect-src 'self' ${join("/", slice(split("/", var.identity.issuer), 0, 3))}",
    "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
  ])

  # Names of AWS's own policies. Source: CloudFront developer guide, "Use managed cache policies" and
  # "Use managed origin request policies".
  caching_optimized      = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  caching_disabled       = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer_except_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
}

resource "aws_cloudfront_origin_access_control" "dashboard" {
  count = var.has_dashboard ? 1 : 0

  name                              = "${local.prefix}-dashboard"
  description                       = "Only our distribution reads the bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "dashboard" {
  #checkov:skip=CKV_AWS_259:Everything is asked for but `preload`, which binds all of a firm's domain for years.
  count = var.has_dashboard ? 1 : 0

  name    = "${local.prefix}-dashboard"
  comment = "What a browser may do with the dashboard"

  custom_headers_config {
    items {
      header   = "permissions-policy"
      value    = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
      override = true
    }
  }

  remove_headers_config {
    items {
      header = "server"
    }
  }

  security_headers_config {
    content_security_policy {
      content_security_policy = local.content_policy
      override                = true
    }
    content_type_options {
      override = true
    }
    frame_options {
      frame_option = "DENY"
      override     = true
    }
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }
  }
}

# Access logs of CloudFront need a bucket with access lists; the API's log tells who asked for what.
# The firewall is a variable: it costs money each month.
#trivy:ignore:AWS-0010
#trivy:ignore:AWS-0011
resource "aws_cloudfront_distribution" "dashboard" {
  #checkov:skip=CKV_AWS_86:Access logs of CloudFront need a bucket with access lists; the API's log tells who asked for what.
  #checkov:skip=CKV_AWS_310:There is one origin for each path; a second region would be a second deployment.
  #checkov:skip=CKV_AWS_374:A firm's people travel.
  #checkov:skip=CKV_AWS_68:The firewall is a variable: it costs money each month.
  #checkov:skip=CKV2_AWS_47:The firewall is a variable; nothing here runs Java.
  #checkov:skip=CKV_AWS_174:The least TLS version can be set for a name of one's own only; then it is TLSv1.2_2021.
  #checkov:skip=CKV2_AWS_42:A name of one's own and its certificate are variables.
  count = var.has_dashboard ? 1 : 0

  enabled             = true
  is_ipv6_enabled     = true
  comment             = "Dashboard of ${local.prefix}"
  default_root_object = "index.html"
  price_class         = var.dashboard.price_class
  http_version        = "http2and3"
  aliases             = var.dashboard.domain_name == null ? [] : [var.dashboard.domain_name]
  web_acl_id          = var.dashboard.has_firewall ? aws_wafv2_web_acl.dashboard[0].arn : var.dashboard.web_acl_arn
  tags                = local.tags

  origin {
    origin_id                = "pages"
    domain_name              = "${local.prefix}-dashboard-${local.account}.s3.${local.region}.${local.suffix}"
    origin_access_control_id = aws_cloudfront_origin_access_control.dashboard[0].id
  }

  origin {
    origin_id   = "api"
    domain_name = var.api.truststore_uri == null ? local.api_host : var.api.domain_name

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id           = "pages"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = aws_cloudfront_response_headers_policy.dashboard[0].id
  }

  dynamic "ordered_cache_behavior" {
    for_each = ["/v1/*", "/api/*"]
    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = "api"
      viewer_protocol_policy     = "https-only"
      allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      cache_policy_id            = local.caching_disabled
      origin_request_policy_id   = local.all_viewer_except_host
      response_headers_policy_id = aws_cloudfront_response_headers_policy.dashboard[0].id
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.dashboard.domain_name == null
    acm_certificate_arn            = var.dashboard.certificate_arn
    ssl_support_method             = var.dashboard.domain_name == null ? null : "sni-only"
    minimum_protocol_version       = var.dashboard.domain_name == null ? "TLSv1" : "TLSv1.2_2021"
  }
}

# How people sign in: what `GET /auth/config` of a MoodBridge answers.
resource "aws_s3_object" "dashboard_config" {
  count = var.has_dashboard ? 1 : 0

  bucket        = module.bucket["dashboard"].name
  key           = "config.json"
  content_type  = "application/json"
  cache_control = "no-cache"

  content = jsonencode({
    apiBase = ""
    auth = {
      mode      = "oidc"
      issuer    = var.identity.issuer
      client_id = var.identity.dashboard_client_id
      audience  = var.identity.audience[0]
      scopes    = var.identity.dashboard_scopes
    }
  })
}

resource "aws_wafv2_web_acl" "dashboard" {
  #checkov:skip=CKV2_AWS_31:Sampled requests and metrics tell enough; full logs would hold who looked at which case.
  count    = var.has_dashboard && var.dashboard.has_firewall ? 1 : 0
  provider = aws.us_east_1

  name        = "${local.prefix}-dashboard"
  description = "In front of the dashboard and the API behind it"
  scope       = "CLOUDFRONT"
  tags        = local.tags

  default_action {
    allow {}
  }

  dynamic "rule" {
    for_each = ["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"]
    content {
      name     = rule.value
      priority = rule.key

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          name        = rule.value
          vendor_name = "AWS"
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.value
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "too-many-requests"
    priority = 10

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit              = var.dashboard.requests_per_5m
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "too-many-requests"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${local.prefix}-dashboard"
    sampled_requests_enabled   = true
  }
}
