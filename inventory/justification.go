package inventory

import "slices"

// justifications are the words of OpenVEX and CSAF, then those of CycloneDX.
var justifications = []string{
	"component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
	"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist",
	"code_not_present", "code_not_reachable", "requires_configuration", "requires_dependency", "requires_environment",
	"protected_by_compiler", "protected_at_runtime", "protected_at_perimeter", "protected_by_mitigating_control",
}

// Justifications are the words that say why a product is not affected: those of OpenVEX and
// CSAF, then those of CycloneDX. vex export translates between them.
func Justifications() []string { return slices.Clone(justifications) }

func isJustification(word string) bool { return slices.Contains(justifications, word) }
