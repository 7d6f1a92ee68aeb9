"""Live changes by Flask-SocketIO: a process of its own that tails the outbox (93).

Web servers and workers write events into the database with whatever causes them, and never talk to a
socket. `flask realtime` serves Socket.IO on gunicorn's threads, as Granian's WSGI carries no WebSocket:
one process, in which `hub` reads the outbox and hands each event to the connections whose rooms it
belongs to. It keeps nothing that a client could lose: a client names the last event it has seen.

    handlers.py   connect, join, leave: parse, ask, answer
    rooms.py      the names of rooms, and who may enter
    hub.py        connections, their rooms and positions; the tail; replay
    guard.py      what is refused before Socket.IO sees it
    server.py     all that, around a Flask application and on gunicorn
    client.py     the other end: `flask bank watch`

Source: https://flask-socketio.readthedocs.io/en/latest/
"""
