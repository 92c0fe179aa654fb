"""What was asked for cannot be shown; the message says what to name instead."""


class InspectorError(Exception):
    exit_status = 2
