# What tests need of the local environment.

output "moodbridge" {
  description = "Everything that the module tells."
  value       = module.moodbridge
}
