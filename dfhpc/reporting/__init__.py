"""What people see: progress, tables, later figures and pages."""
