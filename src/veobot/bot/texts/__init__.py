"""Every sentence that members read, one module a language."""
