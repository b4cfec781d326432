"""A real RTSP server, GStreamer's, as a camera. Run with the system's Python, which has its bindings.

usage: rtsp_server.py PORT [NAME=WAV…] [--password USER:PASSWORD]

Serves each WAV from its beginning to each client as G.711, as cameras do, at /NAME; also at /NAME-loss, where
one packet of twenty is lost; and pictures alone at /picture. Says "ready" when it can be asked.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOUND = (
    'filesrc location="{path}" ! wavparse ! audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 '
    "! alawenc ! rtppcmapay name={payloader} min-ptime=20000000 max-ptime=20000000"
)
PICTURE = (
    "videotestsrc is-live=true ! video/x-raw,width=64,height=64 ! vp8enc deadline=1 ! rtpvp8pay name=pay0"
)


def main() -> None:
    Gst.init(None)
    port, *rest = sys.argv[1:]
    password = None
    if "--password" in rest:
        at = rest.index("--password")
        password = rest[at + 1]
        del rest[at : at + 2]
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
    mounts = server.get_mount_points()
    launches = {"/picture": PICTURE}
    for each in rest:
        name, _, path = each.partition("=")
        launches[f"/{name}"] = SOUND.format(path=path, payloader="pay0")
        lossy = SOUND.format(path=path, payloader="inner")
        launches[f"/{name}-loss"] = f"{lossy} ! identity drop-probability=0.05 name=pay0"
    for where, launch in launches.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {launch} )")
        if password:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", "media.factory.access", True)
            permissions.add_permission_for_role("user", "media.factory.construct", True)
            factory.set_permissions(permissions)
        mounts.add_factory(where, factory)
    if password:
        user, _, word = password.partition(":")
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_digest(user, word, token)
        server.set_auth(auth)
    if server.attach(None) == 0:
        sys.exit(f"cannot listen at port {port}")
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
