# Weighs what a plan does by type and action, and lets it pass below a limit: the shape that policies on Terraform
# plans commonly have, in Rego as it was before OPA 1.0.
package terraform.analysis

import input as tfplan

limit = 30

weights = {
	"flowform_dataflow": {"delete": 100, "create": 10, "modify": 1},
	"flowform_mapping": {"delete": 10, "create": 1, "modify": 1},
}

default authz = false

authz {
	score < limit
	not touches_credentials
}

score = s {
	all := [x |
		weight := weights[kind]
		x := ((weight["delete"] * number[kind]["delete"]) + (weight["create"] * number[kind]["create"])) + (weight["modify"] * number[kind]["update"])
	]
	s := sum(all)
}

number[kind] = counts {
	weights[kind]
	counts := {action: count([r | r := tfplan.resource_changes[_]; r.type == kind; r.change.actions[_] == action]) |
		action := ["delete", "create", "update"][_]
	}
}

# A secret is never shown; that it changes is.
touches_credentials {
	r := tfplan.resource_changes[_]
	[path, masked] := walk(r.change.after_sensitive)
	masked == true
	object.get(r.change.before, path, null) != object.get(r.change.after, path, null)
}
