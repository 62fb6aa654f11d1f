package main

import rego.v1

deny contains msg if {
	some resource in input.resource_changes
	"delete" in resource.change.actions
	msg := sprintf("%s would be deleted", [resource.address])
}
