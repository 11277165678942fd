using Sluice.Formats;

namespace Sluice.Kernel.Fuse;

/// <summary>The answer to INIT: asks for what the data path needs, as far as the kernel offers it.</summary>
internal static class FuseHandshake
{
    private const FuseInitFlags Wanted = FuseInitFlags.AsyncRead | FuseInitFlags.DoReadDirPlus | FuseInitFlags.ReadDirPlusAuto
        | FuseInitFlags.AsyncDirectIo | FuseInitFlags.ParallelDirectoryOperations | FuseInitFlags.MaxPages
        | FuseInitFlags.InitExtended | FuseInitFlags.Passthrough | FuseInitFlags.HasResend;

    /// <summary>Asynchronous requests (read-ahead, EROFS, loop) that the kernel keeps in flight; beyond it they wait in the kernel.</summary>
    private const ushort MaxBackground = 256;

    /// <summary>Minor 23 (Linux 3.15) is where the structures took the sizes used here.</summary>
    private const uint OldestMinor = 23;

    /// <param name="maxWrite">Bytes of the largest WRITE.</param>
    public static FuseInitOut Answer(in FuseInitIn request, uint flagsHigh, int maxWrite, out FuseSession session)
    {
        if (request.Major != FuseLayout.MajorVersion || request.Minor < OldestMinor)
        {
            throw new SluiceException(SluiceError.Kernel, "FUSE", $"the kernel speaks protocol {request.Major}.{request.Minor}, 7.{OldestMinor} or newer is needed",
                "use a newer kernel");
        }

        var offered = (FuseInitFlags)request.FlagsLow;
        if (offered.HasFlag(FuseInitFlags.InitExtended)) offered |= (FuseInitFlags)((ulong)flagsHigh << 32);
        FuseInitFlags agreed = offered & (Wanted | (maxWrite > FuseLayout.MinWrite ? FuseInitFlags.BigWrites : 0));
        uint minor = Math.Min(request.Minor, FuseLayout.MinorVersion);
        bool passthrough = agreed.HasFlag(FuseInitFlags.Passthrough);
        session = new FuseSession((int)minor, passthrough, agreed.HasFlag(FuseInitFlags.HasResend));
        return new FuseInitOut
        {
            Major = FuseLayout.MajorVersion,
            Minor = minor,
            MaxReadAhead = request.MaxReadAhead,
            FlagsLow = (uint)agreed,
            FlagsHigh = (uint)((ulong)agreed >> 32),
            MaxBackground = MaxBackground,
            CongestionThreshold = MaxBackground * 3 / 4,
            MaxWrite = (uint)maxWrite,
            TimeGranularity = 1,
            MaxPages = FuseLayout.MaxPages,
            MaxStackDepth = passthrough ? 1u : 0, // backing files on a plain fs; overlayfs still stacks on top
        };
    }
}
