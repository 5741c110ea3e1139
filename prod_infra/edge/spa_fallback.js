// Answers a page's path (one without a file extension) with the single-page application, which then routes by itself.
// It runs before the cache and only on the site's own behaviour, so what /api/* answers stays as it is.
function handler(event) {
    var request = event.request;
    var last = request.uri.substring(request.uri.lastIndexOf('/') + 1);
    if (last.indexOf('.') === -1) {
        request.uri = '/index.html';
    }
    return request;
}
