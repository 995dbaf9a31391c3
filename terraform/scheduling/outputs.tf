output "namespace" {
  description = "The namespace that training pods run in."
  value       = kubectl_manifest.namespace.name
}

output "priority_classes" {
  description = "The priority classes that were created, with their values."
  value       = { for name, class in kubectl_manifest.priority_class : name => yamldecode(class.yaml_body_parsed).value }
}

output "resource_quotas" {
  description = "The names of the two quotas: of all training, and of background jobs."
  value       = [kubectl_manifest.quota.name, kubectl_manifest.background_quota.name]
}

output "limit_range" {
  description = "The name of the limit range."
  value       = kubectl_manifest.limits.name
}

output "config_maps" {
  description = "The names of the ConfigMaps that the scheduler reads."
  value       = [kubectl_manifest.scheduling_policies.name, kubectl_manifest.cost_model.name]
}
