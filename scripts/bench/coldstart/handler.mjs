// Takes a change by webhook the way AWS Lambda Powertools for TypeScript does it: the peer of webhook-intake.

import { timingSafeEqual } from 'node:crypto';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

const logger = new Logger({ serviceName: 'webhook-intake' });
const metrics = new Metrics({ namespace: 'Bench', serviceName: 'webhook-intake' });
const sqs = new SQSClient({});
const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.TABLE });
const config = new IdempotencyConfig({ eventKeyJmesPath: 'key' });

const queue = makeIdempotent(
  async (change) => {
    const command = new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: JSON.stringify(change.body) });
    return (await sqs.send(command)).MessageId;
  },
  { persistenceStore, config },
);

const isSame = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

export const handler = async (event, context) => {
  logger.addContext(context);
  const [, connection, token] = /^\/hooks\/salesforce\/changes\/([^/]+)\/([^/]+)$/.exec(event.rawPath) ?? [];
  if (!token || !isSame(token, await getSecret(process.env.TOKEN_SECRET))) return { statusCode: 404, body: '' };
  const body = JSON.parse(event.body);
  const record = body.detail.payload.ChangeEventHeader;
  await queue({ key: `${connection}:${record.transactionKey}:${record.sequenceNumber}`, body });
  metrics.addMetric('events', MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
  logger.info('queued', { connection });
  return { statusCode: 202, headers: { 'content-type': 'application/json' }, body: '{}' };
};
