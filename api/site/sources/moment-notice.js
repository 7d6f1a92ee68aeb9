/*! Moment.js, (c) JS Foundation and other contributors, MIT license, momentjs.com; from Flask-Admin's wheel. Flask-Moment's script, (c) Miguel Grinberg, MIT license. */
