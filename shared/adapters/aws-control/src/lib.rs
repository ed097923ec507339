//! What people who run the platform ask of AWS: deployments, alarms, logs, the state of buckets.
