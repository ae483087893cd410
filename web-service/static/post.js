// Sends the only form of the page, by which the browser brings a response to an application. Without scripts, the person presses its button.
"use strict";

document.forms[0].submit();
