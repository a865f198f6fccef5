"""What a role hands its module: `settings`, the list of what is to hold on the machine."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule


def settings_module(*texts: str, **others: dict[str, Any]) -> AnsibleModule:
    """Return the module, its parameters read: `settings`, and what `others` specify.

    `texts` names the fields of a setting where each is a required text: Ansible then refuses any other field.
    """
    fields = {name: {"type": "str", "required": True} for name in texts}
    settings = {"type": "list", "elements": "dict", "required": True, **({"options": fields} if fields else {})}
    return AnsibleModule(argument_spec={"settings": settings, **others}, supports_check_mode=True)
