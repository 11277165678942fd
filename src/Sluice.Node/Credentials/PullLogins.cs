using Microsoft.Extensions.Logging;
using Sluice.Containerd.Cri;
using Sluice.Containerd.Grpc;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Node.Credentials;

/// <summary>The logins that the kubelet pulls with: CRI's image service on the snapshotter's socket, and a memory of what came with pulls.</summary>
internal sealed partial class PullLogins : IDisposable
{
    private readonly ImageServiceProxy _proxy;
    private readonly LoginMemory _memory;
    private readonly string _state;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private bool _isKept;

    /// <summary>Touches nothing: the state directory may be another process's.</summary>
    public PullLogins(NodeOptions options, ILogger logger)
    {
        (_logger, _state, _memory) = (logger, options.State, new LoginMemory(options.PullLoginsPath));
        Remembered = new RememberedLogins(options.PullLoginLife, options.Sources.Time);
        _proxy = new ImageServiceProxy(Remember);
    }

    public RememberedLogins Remembered { get; }

    public GrpcService Service => _proxy.Service;

    /// <summary>With logins of pulls, where the options ask for them.</summary>
    public SourceOptions In(NodeOptions options) =>
        options.ImageServiceOf.Length == 0 ? options.Sources : options.Sources with { Credentials = options.Sources.Credentials with { Remembered = Remembered } };

    /// <summary>Takes what an earlier daemon has left, or removes it, and goes by the options from now on. For the holder of the state directory's lock.</summary>
    public void Apply(NodeOptions options)
    {
        bool isAsked = options.ImageServiceOf.Length > 0;
        Remembered.Life = options.PullLoginLife;
        _proxy.PassTo(isAsked ? options.ImageServiceOf : null);
        lock (_gate)
        {
            if (isAsked && _isKept) return;
            _isKept = false;
            if (!isAsked) Remembered.Clear();
            try
            {
                string? type = isAsked ? _memory.Obstacle() : null;
                if (!isAsked || type is not null) _memory.Remove();
                if (type is not null) Log.NotKept(_logger, _state, type);
                if (!isAsked || type is not null) return;
                Remembered.Restore(_memory.Read());
                Remembered.Keep = Keep;
                _isKept = true;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Log.CantKeep(_logger, exception.Message);
            }
        }
    }

    public void Dispose()
    {
        _proxy.Dispose();
        lock (_gate) _isKept = false;
        _memory.Dispose();
    }

    /// <summary>Null where the pull has no login for the image's own registry.</summary>
    internal static RegistryCredential? Login(PullLogin pull, ImageReference image)
    {
        if (pull.ServerAddress.Length > 0 && !CredentialScope.Covers(pull.ServerAddress, image)) return null;
        if (pull.User.Length > 0 || !pull.IdentityToken.IsEmpty || !pull.RegistryToken.IsEmpty) return new RegistryCredential(pull.User, pull.Password, pull.IdentityToken, pull.RegistryToken);
        return pull.Auth.IsEmpty ? null : RegistryCredential.FromBasic(pull.Auth.Reveal());
    }

    /// <summary>For the next daemon.</summary>
    private bool Keep()
    {
        lock (_gate)
        {
            if (!_isKept) return true; // nobody wants it any more
            try
            {
                _memory.Write(() => Remembered.Used);
                return true;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Log.CantKeep(_logger, exception.Message);
                return false;
            }
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
