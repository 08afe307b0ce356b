# SPDX-License-Identifier: GPL-2.0
"""A service on the system bus.  PyGObject makes a closure of libffi for each function that GLib
calls when something asynchronous is done."""
from gi.repository import Gio, GLib

NAME = "org.example.Trampfd"
INTERFACE = Gio.DBusNodeInfo.new_for_xml(f"""
<node><interface name="{NAME}">
  <method name="Add">
    <arg type="i" direction="in"/><arg type="i" direction="in"/><arg type="i" direction="out"/>
  </method>
</interface></node>""").interfaces[0]


def called(connection, sender, path, interface, method, arguments, invocation):
    """Asks the bus for something, and answers when that is there."""
    def done(connection, result):
        connection.call_finish(result)
        invocation.return_value(GLib.Variant("(i)", (sum(arguments.unpack()),)))

    connection.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
                    None, None, Gio.DBusCallFlags.NONE, -1, None, done)


def have_bus(connection, name):
    connection.register_object("/" + NAME.replace(".", "/"), INTERFACE, called, None, None)


def lost(connection, name):
    print("the bus does not give the name", name, "" if connection else "and there is no connection")
    loop.quit()


loop = GLib.MainLoop()
Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, have_bus, None, lost)
loop.run()
