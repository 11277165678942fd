using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>The end of the daemon, and its successor.</summary>
internal sealed class StopRoutes(StopOrder order, Successor successor) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/process", _ => Task.FromResult<Action<Utf8JsonWriter>>(new DaemonProcess(Environment.ProcessId).Write)),
        AdminRoute.Post("/v1/stop", StopRequest.Parse, (request, _) => Task.FromResult(Stop(request))),
        AdminRoute.Post("/v1/upgrade", UpgradeRequest.Parse, (request, _) => Task.FromResult<Action<Utf8JsonWriter>>(new DaemonProcess(successor.Start(request.Program)).Write)),
    ];

    /// <summary>The answer comes before the end, and bears the process to wait for.</summary>
    private Action<Utf8JsonWriter> Stop(StopRequest request)
    {
        order.Give(request.Unmount);
        return new DaemonProcess(Environment.ProcessId).Write;
    }
}
