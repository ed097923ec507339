# What each function may do: no more than its metadata says that it reads and writes.

locals {
  sees = { for name, it in local.functions : name => concat(it.reads, it.writes) }

  # The secrets that a function's own settings name, and no others. One that calls no platform needs no
  # secret of a connection, though it knows the connections.
  secrets = {
    for name, settings in local.settings : name => distinct([
      for found in flatten(regexall("secretsmanager:([A-Za-z0-9/_+=.@:!-]+)", join(" ", [
        for key, value in settings : replace(replace(replace(replace(value, "/%3[Aa]/", ":"), "/%2[Ff]/", "/"), "%21", "!"), "%23", "#") if key != "CONNECTIONS" || contains(local.sees[name], "crm")
      ]))) : found
    ])
  }
  # AWS adds six characters to the name of a secret in its ARN.
  secret_arns = {
    for name, found in local.secrets : name => [
      for it in found : startswith(it, "arn:") ? it : "arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:${it}-??????"
    ]
  }

  # What each function does with each queue.
  consumed = { for name, it in local.functions : name => [for queue in local.queue_names : queue if it.trigger == "queue:${queue}"] }
  sent     = { for name, it in local.functions : name => [for queue in local.queue_names : queue if contains(it.writes, "queue:${queue}")] }
  # Who looks through dead letters sends them again as they are, under no key.
  claiming = { for name in keys(local.functions) : name => length(setintersection(local.keyed_queues, setsubtract(local.sent[name], local.looked[name]))) > 0 }
  looked   = { for name, it in local.functions : name => [for queue in local.queue_names : queue if contains(it.reads, "queue:${queue}") && it.trigger != "queue:${queue}"] }

  # The topics that each function tells.
  published = { for name, it in local.functions : name => [for topic in local.topic_names : topic if contains(it.writes, "topic:${topic}")] }

  # The stores of blobs, each a bucket of that name, that each function reads from and writes to.
  shelves = {
    for name, it in local.functions : name => {
      read    = [for what in it.reads : trimprefix(what, "blobs:") if startswith(what, "blobs:")]
      written = [for what in it.writes : trimprefix(what, "blobs:") if startswith(what, "blobs:")]
    }
  }

  unsealing = {
    for name in keys(local.functions) : name => compact([
      "lambda.${local.region}.${local.suffix}",
      length(local.consumed[name]) + length(local.sent[name]) + length(local.looked[name]) > 0 ? "sqs.${local.region}.${local.suffix}" : "",
      contains(local.sees[name], "ledger") || local.claiming[name] ? "dynamodb.${local.region}.${local.suffix}" : "",
      length(local.published[name]) > 0 ? "sns.${local.region}.${local.suffix}" : "",
      length(local.secrets[name]) > 0 ? "secretsmanager.${local.region}.${local.suffix}" : "",
      length(local.consumed[name]) + length(local.sent[name]) + length(local.shelves[name].read) + length(local.shelves[name].written) > 0 ? "s3.${local.region}.${local.suffix}" : "",
    ])
  }

  # AWS asks for `sqs:SendMessage` when a batch is sent.
  batched = var.are_batches_named ? ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:SendMessage"] : []

  # Lists of objects of one shape, so that none of them is converted to something else.
  statements = {
    for name, it in local.functions : name => [
      for one in concat(
        [for queue in local.consumed[name] : {
          sid    = "ReceiveFrom"
          action = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          on     = [aws_sqs_queue.main[queue].arn]
        }],
        # What can never succeed is set aside with its reason, not handed out again.
        [for queue in local.consumed[name] : {
          sid    = "SetAsideFrom"
          action = ["sqs:SendMessage"]
          on     = [aws_sqs_queue.dead[queue].arn]
        }],
        [for queue in local.sent[name] : {
          sid    = "SendTo"
          action = ["sqs:SendMessage"]
          on     = [aws_sqs_queue.main[queue].arn]
        }],
        [for topic in local.published[name] : {
          sid    = "Tell"
          action = ["sns:Publish"]
          on     = [aws_sns_topic.news[topic].arn]
        }],
        # Depths are asked for before a queue is filled further, when a new version checks that it is sound,
        # and shown to people.
        [for queue in distinct(concat(local.sent[name], local.looked[name])) : {
          sid    = "SeeDepthOf"
          action = ["sqs:GetQueueAttributes"]
          on     = [aws_sqs_queue.main[queue].arn, aws_sqs_queue.dead[queue].arn]
        }],
        # SQS cannot list: dead letters are received, and shown again.
        [for queue in local.looked[name] : {
          sid    = "LookThroughDeadOf"
          action = concat(["sqs:ChangeMessageVisibility", "sqs:ReceiveMessage"], contains(local.sent[name], queue) ? ["sqs:DeleteMessage"] : [])
          on     = [aws_sqs_queue.dead[queue].arn]
        }],
        # Bodies that are too long for a message. Whoever sets one aside or sends it again puts it anew.
        [for _ in length(local.consumed[name]) + length(local.sent[name]) > 0 ? [1] : [] : {
          sid    = "KeepLargeBodies"
          action = concat(length(local.consumed[name]) + length(local.looked[name]) > 0 ? ["s3:GetObject"] : [], ["s3:PutObject"])
          on     = ["${module.bucket["messages"].arn}/messages/*"]
        }],
        # Without it S3 does not tell what is missing from what is forbidden.
        [for _ in length(local.consumed[name]) > 0 ? [1] : [] : {
          sid    = "MissLargeBodies"
          action = ["s3:ListBucket"]
          on     = [module.bucket["messages"].arn]
        }],
        [for _ in local.claiming[name] ? [1] : [] : {
          sid    = "ClaimKeys"
          action = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          on     = [aws_dynamodb_table.claims.arn]
        }],
        [for _ in contains(local.sees[name], "ledger") ? [1] : [] : {
          sid    = "UseLedger"
          action = concat(["dynamodb:GetItem", "dynamodb:Query"], contains(it.writes, "ledger") ? ["dynamodb:PutItem"] : [])
          on     = [aws_dynamodb_table.ledger.arn]
        }],
        [for _ in length(local.secrets[name]) > 0 ? [1] : [] : {
          sid    = "ReadSecrets"
          action = ["secretsmanager:GetSecretValue"]
          on     = local.secret_arns[name]
        }],
        [for shelf in local.shelves[name].read : {
          sid    = "ReadBlobsOf${shelf}"
          action = ["s3:GetObject"]
          on     = ["${module.bucket[shelf].arn}/${shelf}/*"]
        }],
        # Without it S3 does not say that a blob is missing, but that it is forbidden.
        [for shelf in local.shelves[name].read : {
          sid    = "MissBlobsOf${shelf}"
          action = ["s3:ListBucket"]
          on     = [module.bucket[shelf].arn]
        }],
        [for shelf in local.shelves[name].written : {
          sid    = "WriteBlobsOf${shelf}"
          action = ["s3:AbortMultipartUpload", "s3:PutObject"]
          on     = ["${module.bucket[shelf].arn}/${shelf}/*"]
        }],
        ) : {
        Sid       = replace(title(replace(one.sid, "/[^A-Za-z0-9]/", " ")), " ", "")
        Action    = flatten([for it in one.action : contains(local.batched, it) ? [it, "${it}Batch"] : [it]])
        Resource  = one.on
        Condition = null
      }
    ]
  }

  # Kept apart, because it alone has a condition.
  statement_of_key = {
    for name in keys(local.functions) : name => {
      Sid       = "Unseal"
      Action    = concat(["kms:Decrypt"], length(local.sent[name]) + length(local.consumed[name]) + length(local.shelves[name].written) + length(local.published[name]) > 0 || contains(local.functions[name].writes, "ledger") ? ["kms:GenerateDataKey"] : [])
      Resource  = [aws_kms_key.main.arn]
      Condition = { StringEquals = { "kms:ViaService" = local.unsealing[name] } }
    }
  }
}
