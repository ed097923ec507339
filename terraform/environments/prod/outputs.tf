# What a person needs after `terraform apply`.

output "moodbridge" {
  description = "Everything that the module tells."
  value       = module.moodbridge
}
