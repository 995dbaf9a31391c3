terraform {
  required_version = ">= 1.9" # validations that look at a second variable

  required_providers {
    # Applies an object with every field as it is written here. hashicorp/kubernetes before 2.x knows neither a quota's scope
    # selector nor a class's preemption policy, and refuses to take over an object that is there already.
    kubectl = {
      source  = "gavinbunney/kubectl"
      version = "~> 1.19"
    }
  }
}
