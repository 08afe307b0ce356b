# SPDX-License-Identifier: GPL-2.0
"""A service on the system bus: PyGObject makes a closure of libffi for each of its handlers."""
from gi.repository import Gio, GLib

NAME = "org.example.Trampfd"
INTERFACE = Gio.DBusNodeInfo.new_for_xml(f"""
<node><interface name="{NAME}">
  <method name="Add">
    <arg type="i" direction="in"/><arg type="i" direction="in"/><arg type="i" direction="out"/>
  </method>
</interface></node>""").interfaces[0]


def called(connection, sender, path, interface, method, arguments, invocation):
    invocation.return_value(GLib.Variant("(i)", (sum(arguments.unpack()),)))


def have_bus(connection, name):
    connection.register_object("/" + NAME.replace(".", "/"), INTERFACE, called, None, None)


Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, have_bus, None, None)
GLib.MainLoop().run()
