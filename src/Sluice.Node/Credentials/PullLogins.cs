using Microsoft.Extensions.Logging;
using Sluice.Containerd.Cri;
using Sluice.Containerd.Grpc;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Node.Credentials;

/// <summary>The logins that the kubelet pulls with: CRI's image service on the snapshotter's socket, and a memory of what came with pulls.</summary>
internal sealed partial class PullLogins : IDisposable
{
    private readonly ImageServiceProxy _proxy;
    private readonly LoginMemory? _memory;
    private readonly ILogger _logger;

    public PullLogins(NodeOptions options, ILogger logger)
    {
        _logger = logger;
        Remembered = new RememberedLogins(options.PullLoginLife, options.Sources.Time);
        _proxy = new ImageServiceProxy(options.ImageServiceOf, Remember);
        Directory.CreateDirectory(options.State, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var memory = new LoginMemory(options.PullLoginsPath);
        if (memory.Obstacle() is { } type)
        {
            memory.Remove();
            Log.NotKept(logger, options.State, type);
            return;
        }

        _memory = memory;
        Remembered.Restore(memory.Read());
        Remembered.Changed += Keep;
    }

    public RememberedLogins Remembered { get; }

    public GrpcService Service => _proxy.Service;

    public void Dispose() => _proxy.Dispose();

    /// <summary>Null where the pull has no login for the image's own registry.</summary>
    internal static RegistryCredential? Login(PullLogin pull, ImageReference image)
    {
        if (pull.ServerAddress.Length > 0 && !CredentialScope.Covers(pull.ServerAddress, image)) return null;
        if (pull.User.Length > 0 || !pull.IdentityToken.IsEmpty || !pull.RegistryToken.IsEmpty) return new RegistryCredential(pull.User, pull.Password, pull.IdentityToken, pull.RegistryToken);
        return pull.Auth.IsEmpty ? null : RegistryCredential.FromBasic(pull.Auth.Reveal());
    }

    /// <summary>For the next daemon.</summary>
    private void Keep()
    {
        try
        {
            _memory!.Write(() => Remembered.Used);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.CantKeep(_logger, exception.Message);
        }
    }

    private void Remember(PullLogin pull)
    {
        try
        {
            ImageReference image = ImageReference.Parse(pull.Image);
            if (Login(pull, image) is not { } login) return;
            Remembered.Remember(image, login);
            Log.Remembered(_logger, image.Name);
        }
        catch (SluiceException)
        {
            // Not a name that a pull could have: containerd says so.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(120, LogLevel.Debug, "The login of a pull of {Image} is remembered")]
        public static partial void Remembered(ILogger logger, string image);

        [LoggerMessage(121, LogLevel.Warning, "Logins of pulls are not kept for the next daemon: {State} is on {FileSystem}, not on a tmpfs, and they must not reach a disk")]
        public static partial void NotKept(ILogger logger, string state, string fileSystem);

        [LoggerMessage(122, LogLevel.Warning, "Logins of pulls can't be kept for the next daemon: {Reason}")]
        public static partial void CantKeep(ILogger logger, string reason);
    }
}
