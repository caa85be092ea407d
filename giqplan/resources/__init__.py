"""Resource kinds as declarations: address, reads, owned fields, mutability, IAM permissions, wait rule. No I/O."""
